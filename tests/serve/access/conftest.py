"""A clock that can be set, passwords that cost little, a provider."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from tests.serve.conftest import Clock
from tests.serve.provider import NEW_KEYS, Provider, running_provider

from hilum.serve.access.guard import AccessSettings, Asked, Guard
from hilum.serve.access.oidc import OidcLogin, OidcSettings
from hilum.serve.access.passwords import Passwords
from hilum.serve.access.trail import Act
from hilum.serve.access.users import User, add_user
from hilum.serve.storage.audit import record
from hilum.serve.storage.database import Database

GOOD = "quiet river stone lamp"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def passwords() -> Passwords:
    return Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


@pytest.fixture
def act(clock: Clock) -> Callable[[], Act]:
    return lambda: Act(actor="root", now=clock(), record=record)


@pytest.fixture
def person(database: Database, act: Callable[[], Act], passwords: Passwords) -> Callable[..., User]:
    """Adds a person whose password is GOOD."""

    def add(name: str = "anna", role: str = "reader", password: str = GOOD) -> User:
        with database.write() as connection:
            hashed = passwords.hashed(password)
            return add_user(connection, act(), name=name, role=role, password_hash=hashed)

    return add


@pytest.fixture
def guard(database: Database, clock: Clock, passwords: Passwords) -> Callable[..., Guard]:
    def build(*, oidc: OidcLogin | None = None, **settings: Any) -> Guard:
        given = AccessSettings(**{"login_required": True, **settings})
        return Guard(database, given, record=record, oidc=oidc, passwords=passwords, now=clock)

    return build


@pytest.fixture
def asked() -> Callable[..., Asked]:
    """A request of a browser at 10.0.0.5, or of another."""

    def ask(method: str = "GET", *, address: str = "10.0.0.5", csrf: str | None = None,
            cookies: dict[str, str] | None = None, **headers: str) -> Asked:  # fmt: skip
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return Asked(
            method=method, headers={"host": "hilum.example", **names}, cookies=cookies or {},
            address=address, csrf=csrf,
        )  # fmt: skip

    return ask


@pytest.fixture
def entries(database: Database) -> Callable[[], list[tuple[str, str, str]]]:
    """Who did what to what, as the audit trail has it."""
    from sqlalchemy import select

    from hilum.serve.storage.tables import audit

    def read() -> list[tuple[str, str, str]]:
        with database.read() as connection:
            rows = connection.execute(select(audit).order_by(audit.c.seq)).all()
        return [(row.actor, row.action, row.object) for row in rows]

    return read


@pytest.fixture
def new_key() -> Callable[[str], Any]:
    return lambda kind: NEW_KEYS[kind]()


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running_provider() as made:
        yield made


@pytest.fixture
def oidc(provider: Provider) -> Iterator[Callable[..., OidcLogin]]:
    client = httpx.Client(timeout=5, trust_env=False)

    def build(**settings: Any) -> OidcLogin:
        clock = settings.pop("clock", time.monotonic)
        given = {
            "issuer": provider.url,
            "client_id": "hilum",
            "client_secret": provider.secret,
            "redirect_url": "https://hilum.example/login/oidc/callback",
            **settings,
        }
        return OidcLogin(OidcSettings(**given), client, clock)

    yield build
    client.close()
