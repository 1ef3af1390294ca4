"""Running a node: open what is kept, listen, until told to stop."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace

from hilum.errors import ConfigError, HilumError
from hilum.serve.log import begin_log
from hilum.serve.node.node import Node
from hilum.serve.node.settings import Destination, NodeSettings, WebDestination
from hilum.serve.pacs import KeptFilms, KeptOutbox
from hilum.serve.service import Service
from hilum.serve.settings import ServeSettings

__all__ = ["node_settings", "run_node"]

TOKEN = "HILUM_STOW_TOKEN"  # noqa: S105  (the name of a variable, not a secret)
_PEER = re.compile(r"([^@]{1,16})@(\[[0-9A-Fa-f:]+\]|[^\s:@/\[\]]+):([0-9]{1,5})")


def destination(text: str) -> Destination | WebDestination:
    """Return where results go: "AET@HOST:PORT", or the URL of a DICOMweb server.

    The token of a DICOMweb server comes from the environment variable HILUM_STOW_TOKEN.

    Raises:
        ConfigError: If it is neither.

    >>> destination("PACS@10.0.0.7:104")
    Destination(title='PACS', host='10.0.0.7', port=104)
    """
    if text.startswith(("http://", "https://")):
        return WebDestination(url=text, token=os.environ.get(TOKEN, ""))
    found = _PEER.fullmatch(text)
    if found is None:
        raise ConfigError(f"Expected AET@HOST:PORT or a URL of DICOMweb, got {text[:200]!r}.")
    title, host, port = found.groups()
    return Destination(title=title, host=host.strip("[]"), port=int(port))


def node_settings(
    settings: ServeSettings,
    *,
    title: str,
    host: str,
    port: int,
    callers: Sequence[str],
    any_caller: bool,
    forward: Sequence[str],
    peers: Sequence[str],
) -> NodeSettings:
    """Return how a node listens.

    Args:
        settings: Of what is kept.
        title: The node's AE title.
        host: Address to listen on.
        port: Port to listen on.
        callers: AE titles that may send.
        any_caller: Let anyone send.
        forward: Where results go, as `destination` takes them.
        peers: Where commitment reports go, AET@HOST:PORT.

    Raises:
        ConfigError: If something does not make sense.
    """
    reports = [destination(text) for text in peers]
    if wrong := [text for text, d in zip(peers, reports, strict=True) if not _is_node(d)]:
        raise ConfigError("Reports go to DICOM nodes, AET@HOST:PORT:", wrong)
    return NodeSettings(
        arrivals=settings.data / "incoming",  # until the process has a folder of its own there
        title=title,
        host=host,
        port=port,
        callers=tuple(callers),
        any_caller=any_caller,
        peers=tuple(report for report in reports if isinstance(report, Destination)),
        destinations={text: destination(text) for text in forward},
        free_disk_bytes=settings.reserve_bytes,
        max_object_bytes=settings.upload_bytes,
    )


def _is_node(found: Destination | WebDestination) -> bool:
    return isinstance(found, Destination)


def run_node(
    settings: ServeSettings,
    listening: NodeSettings,
    *,
    ready: Callable[[str, str, int, int], None],
) -> None:
    """Take films and send results until SIGTERM or SIGINT; then finish what was begun.

    Args:
        settings: What is kept, and where.
        listening: Who may send, and where results go.
        ready: Told title, address, port and number of destinations once films are taken.

    Raises:
        HilumError: If it cannot start.
    """
    begin_log()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with closing(Service(settings)) as service:
        listening = replace(listening, arrivals=service.owner.incoming)
        kept = KeptFilms(service, listening.destinations)
        made = Node(
            listening, intake=kept, outbox=KeptOutbox(service), queue=kept, reader=kept
        )  # fmt: skip
        try:
            made.start()
        except OSError as error:
            raise HilumError(
                f"Cannot listen on {listening.host}, port {listening.port}: "
                f"{error.strerror or error}. --port names another port, 0 any that is free."
            ) from error
        try:
            host, port = made.address
            ready(listening.title, host, port, len(listening.destinations))
            stop.wait()
        finally:
            made.stop()
