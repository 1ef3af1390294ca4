"""The log: what a server and a node write to stderr while they run."""

from __future__ import annotations

import logging

__all__ = ["EntryFormatter", "begin_log"]

_QUIET = ("alembic", "highdicom", "pydicom", "pynetdicom", "uvicorn")
"""Libraries of which only warnings are wanted."""


class EntryFormatter(logging.Formatter):
    r"""One entry, one line; lines of a traceback are set in, so that none looks like an entry.

    Films, callers and archives have words in the log, in exceptions too; whatever they say, they
    begin no line and send a terminal no command.

    >>> said = {"msg": "%s is away", "args": ("PACS\nINFO all sent",), "levelname": "INFO"}
    >>> EntryFormatter("%(levelname)s %(message)s").format(logging.makeLogRecord(said))
    'INFO PACS\\nINFO all sent is away'
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's name)
        """Return the entry as one printable line."""
        return _printable(super().formatMessage(record))

    def format(self, record: logging.LogRecord) -> str:
        """Return the entry, and the lines of a traceback beneath it."""
        entry, *beneath = super().format(record).split("\n")
        return "\n".join([entry, *(f"  {_printable(line)}" for line in beneath)])


def begin_log() -> None:
    """Have what happens written to stderr, an entry a line, with date and time."""
    handler = logging.StreamHandler()
    handler.setFormatter(EntryFormatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _printable(text: str) -> str:
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
        for letter in text
    )
