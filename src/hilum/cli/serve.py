"""`hilum serve`: the reader's page and the interface for programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Option, echo

from hilum.cli.console import note
from hilum.cli.place_options import Bundle, KeepDays, NewData, NewDatabase, Workers
from hilum.serve.place import DATA

__all__ = ["serve"]


def serve(
    bundle: Bundle = None,
    *,
    host: Annotated[str, Option(help="Address; beyond this machine a login is required.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, Option(min=0, max=65535, help="0: any that is free.")] = 8000,
    data: NewData = DATA,
    database: NewDatabase = None,
    workers: Workers = None,
    upload_mb: Annotated[int, Option(min=1, help="Largest film.")] = 256,
    keep_days: KeepDays = None,
    public_url: Annotated[str | None, Option(help="Where people reach it, if by a proxy.")] = None,
    certificate: Annotated[Path | None, Option(help="For TLS: certificate, PEM.")] = None,
    key: Annotated[Path | None, Option(help="For TLS: its key, PEM.")] = None,
    oidc: Annotated[Path | None, Option(help="Identity provider: a JSON file.")] = None,
) -> None:
    """Serve the reader's page and the interface for programs. Research use only.

    On a fresh machine: type `hilum serve` and open the address it prints.
    """
    from hilum.serve import need_extra

    need_extra()
    from hilum.serve.run import Listening, oidc_settings
    from hilum.serve.run import serve as run
    from hilum.serve.settings import MIB, ServeSettings

    settings = ServeSettings(
        data=data, database=database, bundle=bundle, workers=workers,
        upload_bytes=upload_mb * MIB, keep_days=keep_days,
    )  # fmt: skip
    listening = Listening(
        host=host, port=port, public_url=public_url, certificate=certificate, key=key,
        oidc=None if oidc is None else oidc_settings(oidc),
    )  # fmt: skip
    run(settings, listening, ready=_said)
    note("hilum: stopped")


def _said(url: str, login: bool) -> None:
    echo(f"hilum serves at {url}")
    note("Research use only. " + ("A login is required." if login else "No login: this machine."))
    note("Ctrl-C ends it.")
