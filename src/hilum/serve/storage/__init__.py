"""What the server keeps: films by their content, and everything that is known of them.

* `blobs`     the films' bytes, one file each, named by their SHA-256
* `database`  one SQLite file or a PostgreSQL server; its schema and its transactions
* `tables`    the schema
* `films`, `jobs`, `answers`, `opinions`, `outbox`   what is asked of the tables, one file a subject
* `audit`     who saw or did what, when, chained by hashes
* `backup`    copying all of it while it is in use, and putting it back
"""
