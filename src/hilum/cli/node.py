"""`hilum node`: films from the hospital's archive, results back to it."""

from __future__ import annotations

from typing import Annotated

from typer import Option, echo

from hilum.cli.console import note
from hilum.cli.place_options import Bundle, KeepDays, NewData, NewDatabase, Workers
from hilum.serve.place import DATA

__all__ = ["node"]


def node(
    aet: Annotated[str, Option(help="This node's AE title.")] = "HILUM",
    *,
    host: Annotated[str, Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, Option(min=0, max=65535, help="0: any that is free.")] = 11112,
    caller: Annotated[
        list[str] | None, Option(metavar="AET", help="Who may send; repeat for several.")
    ] = None,
    any_caller: Annotated[bool, Option("--any-caller", help="Anyone may send.")] = False,
    forward: Annotated[
        list[str] | None,
        Option(metavar="AET@HOST:PORT|URL", help="Where results go; a URL is STOW-RS."),
    ] = None,
    peer: Annotated[
        list[str] | None,
        Option(metavar="AET@HOST:PORT", help="Where storage commitment reports go."),
    ] = None,
    bundle: Bundle = None,
    data: NewData = DATA,
    database: NewDatabase = None,
    workers: Workers = None,
    keep_days: KeepDays = None,
) -> None:
    """Take films by DICOM, read them, send results back. Research use only.

    Shares the data folder of `hilum serve`, if that runs on the same machine.
    """
    from hilum.serve import need_dicom, need_extra

    need_extra()
    need_dicom()
    from hilum.serve.run_node import node_settings, run_node
    from hilum.serve.settings import ServeSettings

    settings = ServeSettings(
        data=data, database=database, bundle=bundle, workers=workers, keep_days=keep_days
    )
    listening = node_settings(
        settings, title=aet, host=host, port=port, callers=caller or (), any_caller=any_caller,
        forward=forward or (), peers=peer or (),
    )  # fmt: skip
    run_node(settings, listening, ready=_said)
    note("hilum: stopped")


def _said(title: str, host: str, port: int, destinations: int) -> None:
    echo(f"hilum listens as {title} on {host}, port {port}")
    note(f"Research use only. Results go to {destinations} destination(s). Ctrl-C ends it.")
