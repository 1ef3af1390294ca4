"""Who may do what: people by password or OIDC, programs by token.

* `roles`      what each role may do, in one table
* `principal`  who asks: a person, a program, or whoever sits at this machine
* `names`      what a name may be, and how words from outside are written into a log
* `passwords`  argon2id, and which passwords are taken
* `users`, `sessions`, `tokens`   the rows of people, of their browsers, of programs
* `lockout`    delays that grow with wrong passwords
* `limits`     how many requests one may make
* `origin`     which pages and which host names a browser's request may come from
* `local`      when no login is needed, and when it must be
* `oidc`, `id_token`   login at a hospital's own identity provider
* `guard`      all of it together: from a request to who asks
* `web`        FastAPI's dependencies and routes on top

Everything but `web` works without a web framework's request.
"""
