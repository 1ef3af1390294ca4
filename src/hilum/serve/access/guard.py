"""From a request to who asks, and from a name and a password to a session.

Everything that must hold at once is here: limits, lock-out, origins, sessions, tokens, the audit
trail. Passwords are checked outside of any transaction, because that takes a fifth of a second and
a SQLite database has one writer.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from sqlalchemy import Connection, update

from hilum.errors import ConfigError
from hilum.serve.access import sessions
from hilum.serve.access.errors import AccessError, BusyError, ForbiddenError, NotLoggedInError
from hilum.serve.access.id_token import OidcError
from hilum.serve.access.limits import Kind, Limiter
from hilum.serve.access.local import came_through_a_proxy
from hilum.serve.access.lockout import (
    count_attempt,
    network,
    sweep_attempts,
    take_back_attempt,
    undo_attempt,
)
from hilum.serve.access.names import folded, for_log
from hilum.serve.access.oidc import Begun, Identity, OidcLogin
from hilum.serve.access.origin import (
    SAFE,
    check_cross_site,
    check_csrf,
    is_loopback_name,
    safe_next,
)
from hilum.serve.access.passwords import Passwords, check_password
from hilum.serve.access.principal import LOCAL, Principal
from hilum.serve.access.recent import Recent
from hilum.serve.access.sessions import Cookie, Limits, session_cookie
from hilum.serve.access.tokens import find_token, touch_token
from hilum.serve.access.trail import Act, Recorder
from hilum.serve.access.users import (
    User,
    add_user,
    any_user,
    change_password,
    change_role,
    user_by_subject,
    user_named,
)
from hilum.serve.clock import Clock, utc_now
from hilum.serve.storage import tables
from hilum.serve.storage.database import Database
from hilum.serve.storage.errors import ConflictError, FullError, UnavailableError

__all__ = ["AccessSettings", "Asked", "Entered", "Guard"]

_LOG = logging.getLogger(__name__)
_WRONG = "The name or the password is wrong."
_OIDC_S = 600
_RECENT_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessSettings:
    """What a server asks of those who come."""

    login_required: bool
    """As `local.must_have_login` says. False lets whoever sits at this machine in."""

    public_url: str | None = None
    """Where people reach it, if not where it listens: `https://hilum.example`."""

    https: bool = False
    """Whether it speaks TLS itself, under whatever names it can be reached."""

    limits: Limits = field(default_factory=Limits)
    """How long sessions last."""

    def __post_init__(self) -> None:
        """Refuse a public URL that is none."""
        if self.public_url is None:
            return
        parts = urlsplit(self.public_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/"):
            raise ConfigError(
                f"Expected a public URL as https://hilum.example, got {self.public_url!r}."
            )

    @property
    def secure(self) -> bool:
        """Whether cookies are sent over https only."""
        return self.https or (self.public_url or "").startswith("https:")

    @property
    def allowed_hosts(self) -> tuple[str, ...] | None:
        """Names that requests may be sent to, besides this machine's own; None for any."""
        if self.public_url is not None:
            return (urlsplit(self.public_url).netloc,)
        return None if self.login_required else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What access looks at in a request.

    Args:
        method: GET, POST ...
        headers: By names in lower case.
        cookies: By name.
        address: The peer's; empty if it has none.
        csrf: What a form sent as `csrf`; the header X-CSRF-Token counts as well.
    """

    method: str
    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    address: str
    csrf: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """Someone who logged in.

    Args:
        name: Who.
        cookie: What the browser is to keep.
        next: Where it goes now: a path of this site.
    """

    name: str
    cookie: Cookie
    next: str


class Guard:
    """Let in who may.

    Args:
        database: Users, sessions, tokens.
        settings: What is asked of those who come.
        record: The audit trail.
        oidc: An identity provider; None for none.
        passwords: How passwords are kept.
        limiter: How many requests one may make.
        recent: What was looked up a moment ago.
        now: What time it is.
    """

    def __init__(
        self,
        database: Database,
        settings: AccessSettings,
        *,
        record: Recorder,
        oidc: OidcLogin | None = None,
        passwords: Passwords | None = None,
        limiter: Limiter | None = None,
        recent: Recent | None = None,
        now: Clock = utc_now,
    ) -> None:
        self.settings = settings
        self.oidc = oidc
        self._database = database
        self._record = record
        self._passwords = passwords or Passwords()
        self._limiter = Limiter() if limiter is None else limiter
        self._now = now
        self._knows_users = False
        self._recent = recent or Recent(_RECENT_S)

    def at_once(self, asked: Asked) -> Principal | None:
        """Return a program, or whoever sits here, if they were looked up less than a second ago.

        A program that sends many films need not be looked up for each of them, and this needs no
        thread. People are looked up always. None says nothing: ask `identify`.

        Raises:
            ForbiddenError: If another site's page made the request.
            TooManyError: If they ask too much.
        """
        value = _bearer(asked)
        if value is not None:
            token, now = self._recent.token(value), self._now()
            if token is None or not token.is_good(now) or token.is_due(now):
                return None
            found = token.principal
        elif self._sits_here(asked) and not self._cookie(asked) and self._recent.had_no_users:
            self._check_origin(asked)
            found = LOCAL
        else:
            return None
        for who in (network(asked.address), found.name):
            self._limiter.take("api", who)
        return found

    def identify(self, asked: Asked) -> Principal:
        """Return who asks.

        A token counts before a cookie, and one that is not good is refused whatever else was sent.

        Raises:
            NotLoggedInError: If nobody, or nobody known.
            ForbiddenError: If another site's page made the request.
            TooManyError: If they ask too much.
        """
        self._limiter.take("api", network(asked.address))
        principal = self._by_token(asked) or self._by_cookie(asked) or self._by_place(asked)
        if principal is None:
            raise NotLoggedInError
        self._limiter.take("api", principal.name)
        return principal

    def count(self, kind: Kind, principal: Principal) -> None:
        """Count a request of a kind that is limited for itself.

        Raises:
            TooManyError: If there were too many.
        """
        self._limiter.take(kind, principal.name)

    def login(self, asked: Asked, *, name: str, password: str, next_path: str = "/") -> Entered:
        """Log a person in by name and password; any session the browser had ends.

        Args:
            asked: The request.
            name: As it was typed.
            password: As it was typed.
            next_path: Where they wanted to go.

        Raises:
            NotLoggedInError: If they are not known, disabled, or the password is another. The
                answer is the same, and takes as long.
            TooManyError: If the name or the address must wait.
            BusyError: If too many passwords are being checked.
        """
        self._check_origin(asked)
        user = self._checked(asked, name, password)
        renewed = self._renewed(user, password)

        def keep(connection: Connection, act: Act) -> User:
            fresh = user_named(connection, user.name)
            if fresh is None or fresh.password != user.password:  # changed in the meantime
                raise NotLoggedInError(_WRONG)
            take_back_attempt(connection, name=name, address=asked.address, now=act.now)
            if renewed is not None:
                same = tables.users.c.id == user.id
                connection.execute(update(tables.users).where(same).values(password=renewed))
            return user

        return self._enter(asked, user.name, keep, next_path=next_path, how="password")

    def change_own_password(
        self, asked: Asked, principal: Principal, *, old: str, new: str
    ) -> Entered:
        """Change the password of who asks; every session of theirs ends, a new one begins.

        Args:
            asked: The request.
            principal: Who asks, as `identify` says.
            old: The password so far; wrong ones count as at a login.
            new: The password from now on.

        Raises:
            AccessError: 422 if the new one cannot be taken.
            ForbiddenError: If it is not a person.
            NotLoggedInError: If the old one is another.
        """
        if principal.kind != "user":
            raise ForbiddenError("Only a person who logged in has a password.")
        try:
            check_password(new, principal.name)
        except ConfigError as error:
            raise AccessError(422, "Not a password to take", str(error)) from error
        user = self._checked(asked, principal.name, old)
        hashed = self._passwords.hashed(new)

        def keep(connection: Connection, act: Act) -> User:
            take_back_attempt(connection, name=user.name, address=asked.address, now=act.now)
            return change_password(connection, act, user.name, hashed)

        return self._enter(asked, user.name, keep, next_path="/", how="password")

    def has_password(self, principal: Principal) -> bool:
        """Return whether someone's password is kept here, not by an identity provider."""
        if principal.kind != "user":
            return False
        with self._database.read() as connection:
            user = user_named(connection, principal.name)
        return user is not None and user.password is not None

    def logout(self, asked: Asked, *, everywhere: bool = False) -> Cookie:
        """End a session, or every session of its user; return the cookie that says so.

        Args:
            asked: The request, with the session's CSRF token.
            everywhere: End those in other browsers, too.

        Raises:
            ForbiddenError: If another site's page made the request.
        """
        gone = session_cookie("", secure=self.settings.secure)
        principal = self._by_cookie(asked)
        if principal is None:
            return gone
        with self._database.write() as connection:
            if everywhere:
                sessions.end_every_session(connection, principal.id)
            sessions.end_session(connection, self._cookie(asked))
            act = self._act(principal.name)
            act.written(connection, "log out", principal.name, everywhere=everywhere)
        return gone

    def begin_oidc(self, asked: Asked, *, next_path: str = "/") -> tuple[Begun, Cookie]:
        """Return where to send a browser to log in, and the cookie that ties it to the answer.

        Raises:
            ForbiddenError: If no identity provider is configured.
            OidcError: If it cannot be reached.
            TooManyError: If the address must wait.
        """
        self._limiter.take("login", network(asked.address))
        begun = self._provider().begin(safe_next(next_path))
        return begun, self.oidc_cookie(begun.binding)

    def finish_oidc(self, asked: Asked, query: Mapping[str, str]) -> Entered:
        """Log a person in whom the identity provider sent back.

        Args:
            asked: The request.
            query: Of the URL it was sent to.

        Raises:
            ForbiddenError: If they may not come in: disabled, no role, or not known here.
            OidcError: If the answer cannot be trusted.
            TooManyError: If the address must wait.
        """
        self._limiter.take("login", network(asked.address))
        binding = asked.cookies.get(self.oidc_cookie("").name, "")
        try:
            found = self._provider().finish(query, binding)
        except OidcError as error:
            _LOG.warning("login by OIDC refused: %s", for_log(error.reason))
            raise

        def keep(connection: Connection, act: Act) -> User:
            return self._of_provider(connection, act, found)

        return self._enter(asked, folded(found.name), keep, next_path=found.next, how="oidc")

    def oidc_cookie(self, binding: str) -> Cookie:
        """Return the cookie that ties a login to the browser that began it; empty takes it away."""
        return Cookie(
            name="__Host-hilum_oidc" if self.settings.secure else "hilum_oidc",
            value=binding,
            secure=self.settings.secure,
            max_age_s=_OIDC_S if binding else 0,
        )

    def sweep(self) -> None:
        """Delete sessions and counts that are over."""
        with self._database.write() as connection:
            self._sweep(connection)

    def _by_token(self, asked: Asked) -> Principal | None:
        value = _bearer(asked)
        if value is None:
            return None
        now, began = self._now(), self._recent.tick()
        with self._database.read() as connection:
            token = find_token(connection, value, now=now)
        if token is None:
            raise NotLoggedInError
        if token.is_due(now):
            self._note(lambda connection: touch_token(connection, token, now=now))
        else:
            self._recent.keep_token(value, token, began)
        return token.principal

    def _by_cookie(self, asked: Asked) -> Principal | None:
        value = self._cookie(asked)
        if not value:
            return None
        now, limits = self._now(), self.settings.limits
        with self._database.read() as connection:
            seen = sessions.find_session(connection, value, now=now, limits=limits)
        if seen is None:
            return None
        self._check_origin(asked, known=True)
        if asked.method not in SAFE:
            check_csrf(seen.principal.csrf, asked.headers.get("x-csrf-token") or asked.csrf)
        if seen.is_due and "x-hilum-background" not in asked.headers:
            self._note(lambda connection: sessions.touch_session(connection, seen, now=now))
        return seen.principal

    def _by_place(self, asked: Asked) -> Principal | None:
        if not self._sits_here(asked) or self._has_users():
            return None
        self._check_origin(asked)
        return LOCAL

    def _sits_here(self, asked: Asked) -> bool:
        """Return whether a request without a login could be served, were there no users."""
        if self.settings.login_required or not is_loopback_name(asked.address):
            return False
        return not came_through_a_proxy(asked.headers)

    def _has_users(self) -> bool:
        if not self._knows_users:  # users are never deleted: what is true stays so
            began = self._recent.tick()
            with self._database.read() as connection:
                self._knows_users = any_user(connection)
            self._recent.keep_users(self._knows_users, began)
        return self._knows_users

    def _checked(self, asked: Asked, name: str, password: str) -> User:
        """Return the person whose name and password these are, after every delay and limit."""
        address = asked.address
        self._limiter.take("login", network(address))
        with self._database.write() as connection:
            count_attempt(connection, name=name, address=address, now=self._now())
        with self._database.read() as connection:
            found = user_named(connection, name)
        user = found if found is not None and found.disabled_at is None else None
        try:
            fits = self._passwords.fits(None if user is None else user.password, password)
        except BusyError:
            with self._database.write() as connection:
                undo_attempt(connection, name=name, address=address)
            raise
        if user is None or not fits:
            known = "unknown" if found is None else found.name
            with self._database.write() as connection:
                act = self._act("unknown")
                act.written(connection, "fail to log in", known, address=network(address))
            _LOG.warning("login of %s refused from %s", for_log(known), for_log(address))
            raise NotLoggedInError(_WRONG)
        return user

    def _renewed(self, user: User, password: str) -> str | None:
        if user.password is None or not self._passwords.is_outdated(user.password):
            return None
        return self._passwords.hashed(password)

    def _enter(
        self,
        asked: Asked,
        actor: str,
        keep: Callable[[Connection, Act], User],
        *,
        next_path: str,
        how: str,
    ) -> Entered:
        """Start a session in one transaction with what goes before it."""
        with self._database.write() as connection:
            self._sweep(connection)
            act = self._act(actor)
            user = keep(connection, act)
            fresh = user_named(connection, user.name)
            if fresh is None or fresh.disabled_at is not None:
                raise ForbiddenError("This account is disabled. An administrator can enable it.")
            value = sessions.start_session(
                connection,
                user.id,
                now=act.now,
                limits=self.settings.limits,
                instead=self._cookie(asked),
            )
            place = network(asked.address)
            self._act(user.name).written(connection, "log in", user.name, how=how, address=place)
        cookie = session_cookie(value, secure=self.settings.secure)
        return Entered(name=user.name, cookie=cookie, next=safe_next(next_path))

    def _of_provider(self, connection: Connection, act: Act, found: Identity) -> User:
        """Return the user of an identity; add them, and follow the provider's roles."""
        settings = self._provider().settings
        user = user_by_subject(connection, found.subject)
        if user is not None and not settings.role_claim:
            return user
        if found.role is None:
            raise ForbiddenError("The identity provider gives you no role here.")
        if user is not None:
            if user.role != found.role:
                change_role(connection, act, user.name, found.role)
            return user
        if not settings.create_users:
            raise ForbiddenError("You are not known here. An administrator can add you.")
        try:
            return add_user(
                connection, act, name=found.name, role=found.role, subject=found.subject
            )
        except (ConflictError, ConfigError) as error:
            _LOG.warning("no user for %s: %s", for_log(found.name), for_log(error))
            raise ForbiddenError(
                "Your name is taken here, or cannot be a name. Ask an administrator."
            ) from error

    def _provider(self) -> OidcLogin:
        if self.oidc is None:
            raise ForbiddenError("No identity provider is configured.")
        return self.oidc

    def _check_origin(self, asked: Asked, *, known: bool = False) -> None:
        check_cross_site(asked.method, asked.headers, site=self.settings.public_url, known=known)

    def _cookie(self, asked: Asked) -> str:
        return asked.cookies.get(session_cookie("", secure=self.settings.secure).name, "")

    def _act(self, actor: str) -> Act:
        return Act(actor=actor, now=self._now(), record=self._record)

    def _sweep(self, connection: Connection) -> None:
        now = self._now()
        sessions.sweep_sessions(connection, now=now, limits=self.settings.limits)
        sweep_attempts(connection, now=now)

    def _note(self, write: Callable[[Connection], None]) -> None:
        """Write down that someone was seen; a full disk keeps nobody from reading."""
        try:
            with self._database.write() as connection:
                write(connection)
        except (FullError, UnavailableError) as error:
            _LOG.warning("could not note when someone was last seen: %s", for_log(error))


def _bearer(asked: Asked) -> str | None:
    """Return what a program sent as its token; None if it sent none."""
    scheme, _, value = asked.headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else None
