"""What an HTTP answer says of itself: which bytes, how many, encoded how, and when to come back.

Nothing here is believed further than it must be; the download compares it with what arrives.
"""

from __future__ import annotations

import re
import zlib
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPResponse
from typing import TYPE_CHECKING

from hilum.data.fetch.web import shown
from hilum.errors import DataError

if TYPE_CHECKING:
    from zlib import _Decompress as Decompress

__all__ = ["asked_wait_s", "decoder_of", "range_start", "whole_length"]


def asked_wait_s(text: str) -> float:
    """Return the seconds a server asks to wait, given as a number or as a date; 0 if neither."""
    if text.strip().isdigit():
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())


def range_start(response: HTTPResponse) -> tuple[int, int | None]:
    """Return where a range begins, -1 if it does not say, and the length of the whole file."""
    found = re.fullmatch(
        r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", "").strip()
    )
    if not found:
        return -1, None
    return int(found[1]), None if found[2] == "*" else int(found[2])


def whole_length(response: HTTPResponse) -> int | None:
    """Return the length the server says the whole file has, if that is the length of the file."""
    text = response.headers.get("Content-Length", "")
    coded = decoder_of(response) is not None or response.headers.get("Transfer-Encoding")
    return int(text) if text.isdigit() and not coded else None


def decoder_of(response: HTTPResponse) -> Decompress | None:
    """Return what undoes an encoding that was not asked for; None if the bytes are the file.

    Some servers call every .gz file "encoded"; there the bytes are the file itself.
    """
    coding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if coding in ("", "identity"):
        return None
    if coding not in ("gzip", "x-gzip"):
        raise DataError(f"Expected plain bytes or gzip, the server sends them in {coding!r}")
    path = shown(response.geturl()).lower()
    return None if path.endswith((".gz", ".tgz")) else zlib.decompressobj(31)
