"""Running a server: bind, open everything, answer until told to stop."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn

from hilum.errors import ConfigError, HilumError
from hilum.serve.access.guard import AccessSettings, Guard
from hilum.serve.access.local import must_have_login
from hilum.serve.access.oidc import OidcLogin, OidcSettings
from hilum.serve.access.web import Access
from hilum.serve.app import build_app
from hilum.serve.connection import GuardedProtocol
from hilum.serve.log import begin_log
from hilum.serve.service import Service
from hilum.serve.settings import ServeSettings
from hilum.serve.storage import audit

__all__ = ["Listening", "oidc_settings", "serve"]

_GRACE_S = 20
_KEPT_S = 15
_QUEUE = 1024
SECRET = "HILUM_OIDC_SECRET"  # noqa: S105  (the name of a variable, not a secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where a server answers, and whom.

    Args:
        host: Address or name.
        port: 0 for any that is free.
        public_url: Where people reach it through a proxy, if they do.
        certificate: A file in PEM; with `key`, the server speaks TLS itself.
        key: The certificate's key.
        oidc: An identity provider.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    public_url: str | None = None
    certificate: Path | None = None
    key: Path | None = None
    oidc: OidcSettings | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise ConfigError("TLS needs both a certificate and its key.")

    @property
    def scheme(self) -> str:
        """What a URL begins with: http, or https with a certificate."""
        return "http" if self.certificate is None else "https"


def oidc_settings(file: Path) -> OidcSettings:
    """Read an identity provider's settings; its secret comes from HILUM_OIDC_SECRET.

    Args:
        file: JSON with the fields of `OidcSettings`.

    Raises:
        ConfigError: If the file is not that.
    """
    try:
        values: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        secret = os.environ.get(SECRET)
        if "scopes" in values:
            values["scopes"] = tuple(values["scopes"])
        if secret:
            values["client_secret"] = secret
        return OidcSettings(**values)
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(
            f"Expected JSON with issuer, client_id and redirect_url in {file}: {error}. The secret "
            f"goes into the environment variable {SECRET}."
        ) from error


def serve(
    settings: ServeSettings, listening: Listening, *, ready: Callable[[str, bool], None]
) -> None:
    """Answer until SIGTERM or SIGINT; then finish what was begun and return.

    Args:
        settings: How the server is set up.
        listening: Where it answers.
        ready: Told the URL, and whether a login is required, once requests are taken.

    Raises:
        HilumError: If it cannot start.
    """
    begin_log()
    with closing(_bound(listening)) as listener:
        port = listener.getsockname()[1]
        shown = f"[{listening.host}]" if ":" in listening.host else listening.host
        url = listening.public_url or f"{listening.scheme}://{shown}:{port}"
        with closing(Service(settings)) as service:
            login = must_have_login(
                listening.host, service.database, public_url=listening.public_url,
                oidc=listening.oidc is not None,
            )  # fmt: skip
            access = Access(
                Guard(
                    service.database,
                    AccessSettings(
                        login_required=login,
                        public_url=listening.public_url,
                        https=listening.scheme == "https",
                    ),
                    record=audit.record,
                    oidc=None if listening.oidc is None else OidcLogin(listening.oidc),
                )
            )
            server = _Server(
                _config(service, access, listening), lambda: ready(url, login)
            )  # fmt: skip
            server.run(sockets=[listener])


def _config(service: Service, access: Access, listening: Listening) -> uvicorn.Config:
    return uvicorn.Config(
        build_app(service, access),
        http=GuardedProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=listening.public_url is not None,
        timeout_keep_alive=_KEPT_S,
        timeout_graceful_shutdown=_GRACE_S,
        backlog=_QUEUE,
        ssl_certfile=listening.certificate,
        ssl_keyfile=listening.key,
    )


class _Server(uvicorn.Server):
    """Says when it takes requests."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take signals until the server has ended, and no longer.

        uvicorn would send itself the same signal again at the end, and die of it before what was
        begun is finished.
        """
        taken = (signal.SIGINT, signal.SIGTERM)
        before = {each: signal.signal(each, self.handle_exit) for each in taken}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()


def _bound(listening: Listening) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in listening.host else socket.AF_INET
        return socket.create_server(
            (listening.host.strip("[]"), listening.port), family=family, backlog=_QUEUE
        )
    except OSError as error:
        raise HilumError(
            f"Cannot listen on {listening.host}, port {listening.port}: {error.strerror or error}."
            " Is another server running? --port names another port, 0 any that is free."
        ) from error
