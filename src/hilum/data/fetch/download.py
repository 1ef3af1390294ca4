"""One file over HTTP, whole and right, or not at all.

Servers of public data stall, drop connections, ignore ranges, change a file between two tries and
say lengths that are not true. A download goes on where it stopped as long as the server proves
that it is still the same file, starts again where it does not, and has its final name only after
its length and checksum were compared with what is known. What a server says of the length is never
enough: too little and too much are both found by the bytes that come.
"""

from __future__ import annotations

import hashlib
import os
import re
import ssl
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.error import HTTPError, URLError

from hilum.data.atomic import sync_folder
from hilum.data.fetch.answer import asked_wait_s, decoder_of, range_start, whole_length
from hilum.data.fetch.part import Origin, Part
from hilum.data.fetch.web import Web, redirect_refusal, shown
from hilum.data.file_hash import file_sha256
from hilum.errors import DataError

if TYPE_CHECKING:
    from zlib import _Decompress as Decompress

__all__ = ["Fetched", "Progress", "Remote", "download"]

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes expected, 0 if nobody knows."""

DEFAULT_CEILING = 8 * 2**30

_BLOCK = 2**20
_ADVANCE = 2**20
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """A file on a server, and what is known of it beforehand."""

    url: str
    bytes: int | None = None
    """Its length as published; None if unknown."""

    sha256: str | None = None
    """Its checksum as published, hexadecimal; None if unknown."""

    md5: str | None = None
    """Its older checksum, where a publisher gives only that."""

    ceiling: int = DEFAULT_CEILING
    """Bytes above which it is refused, whatever the server says."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What arrived."""

    bytes: int
    sha256: str
    etag: str
    """The server's name for this version; empty if it gives none."""


class _AgainError(Exception):
    """Say why a try failed in a way that may pass."""

    def __init__(self, reason: str, wait_s: float = 0.0) -> None:
        self.reason = reason
        self.wait_s = wait_s
        super().__init__(reason)


def download(
    remote: Remote, target: Path, *, web: Web, progress: Progress | None = None
) -> Fetched:
    """Fetch a file, going on with what an earlier run left.

    Args:
        remote: The file, and what is known of it.
        target: Where it is to lie; its folder must exist. If it is there and right, nothing is
            fetched.
        web: The way to the network.
        progress: Called as bytes arrive.

    Raises:
        DataError: If the server refuses, fails too often, sends another file than was published,
            or there is no room for it. What arrived is kept for the next run unless it is wrong.
    """
    try:
        if target.exists():
            return _checked(remote, target, "")
        return _fetch(remote, target, web, progress or _silent)
    except OSError as error:  # the network's were turned into tries; these are the disk's
        raise DataError(
            f"Cannot write {target}: {error.strerror or error}. What arrived is kept."
        ) from error


def _fetch(remote: Remote, target: Path, web: Web, progress: Progress) -> Fetched:
    """Bring the file and check it; a wrong one is fetched once more from its first byte."""
    part = Part(target, remote.url)
    for last in (False, True):
        _bring(remote, part, web, progress)
        try:
            fetched = _checked(remote, part.path, part.origin.etag)
        except DataError:
            part.discard()
            if last:
                raise
        else:
            break
    part.finish(target)
    sync_folder(target.parent)
    return fetched


def _silent(_done: int, _total: int) -> None:
    """Draw nothing."""


def _bring(remote: Remote, part: Part, web: Web, progress: Progress) -> None:
    """Try until the whole file has arrived; a MiB of progress makes up for a failure."""
    failures, high = 0, part.size
    while True:
        try:
            _attempt(remote, part, web, progress)
        except _AgainError as again:
            failures = 1 if part.size >= high + _ADVANCE else failures + 1
            high = max(high, part.size)
            if failures >= web.patience.tries:
                kept = f" {part.size:,} bytes are kept; run it again to go on." if part.size else ""
                raise DataError(
                    f"{shown(remote.url)}: gave up after {failures} tries: {again.reason}.{kept}"
                ) from again
            web.sleep(max(web.wait_s(failures), again.wait_s))
        else:
            return


def _attempt(remote: Remote, part: Part, web: Web, progress: Progress) -> None:
    """Ask once for what is missing and take what comes."""
    offset = _resumable(remote, part)
    if offset and offset == (remote.bytes or part.origin.total):
        return
    headers = {"Range": f"bytes={offset}-"} if offset else {}
    if offset and part.origin.validator:
        headers["If-Range"] = part.origin.validator
    try:
        response = web.open(remote.url, headers)
    except HTTPError as error:
        with error:
            if _is_whole(error, part, offset):
                return
            raise _failure(remote, error, web) from error
    except URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise DataError(
                f"{shown(remote.url)}: its certificate is not trusted: {error.reason}"
            ) from error
        raise _AgainError(f"no connection ({error.reason})") from error
    except (OSError, HTTPException) as error:
        raise _AgainError(f"no answer ({_name(error)})") from error
    with response:
        _agree(remote, part, response, offset)
        _receive(remote, part, response, progress)


def _resumable(remote: Remote, part: Part) -> int:
    """Return how many bytes can be kept; without a validator or checksum, none."""
    provable = part.origin.validator or remote.sha256 or remote.md5
    known = remote.bytes if remote.bytes is not None else part.origin.total
    if part.size and (not provable or (known is not None and part.size > known)):
        part.discard()
    return part.size


def _is_whole(error: HTTPError, part: Part, offset: int) -> bool:
    """Say whether a refused range means that nothing is missing; if not, start from nothing."""
    if error.code != 416 or not offset:
        return False
    origin = Origin.of(part.origin.url, error.headers, None)
    total = re.fullmatch(r"bytes \*/(\d+)", error.headers.get("Content-Range", ""))
    if total and int(total[1]) == offset and part.origin.same_file(origin):
        return True
    part.discard()
    raise _AgainError("the server refused to go on from where the last try ended") from error


def _failure(remote: Remote, error: HTTPError, web: Web) -> Exception:
    """Return what to raise for a status that is no success: a passing failure or a final one."""
    if error.code in _PASSING:
        asked = asked_wait_s(error.headers.get("Retry-After", ""))
        if asked > web.patience.longest_asked_s:
            return DataError(
                f"{shown(remote.url)}: the server is busy ({error.code}) and asks to be left alone "
                f"for {asked:,.0f} s. Run it again then; what arrived is kept."
            )
        return _AgainError(f"the server answered {error.code} {error.reason}", asked)
    if 300 <= error.code < 400:
        return redirect_refusal(remote.url, error)
    why = {
        401: "it wants a login",
        403: "it does not let you have it; a login or an agreement may be missing",
        404: "there is no such file; it may have moved",
        410: "it was withdrawn",
    }.get(error.code, "expected 200 or 206")
    return DataError(f"{shown(remote.url)}: the server answered {error.code} {error.reason}: {why}")


def _agree(remote: Remote, part: Part, response: HTTPResponse, offset: int) -> None:
    """Make sure that what comes continues what is there, or start from nothing."""
    coded = decoder_of(response) is not None
    if response.status == 206 and not coded:
        start, total = range_start(response)
        origin = Origin.of(remote.url, response.headers, total)
        if not offset or start != offset or not part.origin.same_file(origin):
            part.discard()
            raise _AgainError("the server sent another range, or another file, than asked for")
    elif response.status == 200:
        origin = Origin.of(remote.url, response.headers, whole_length(response))
        part.begin(Origin(remote.url) if coded else origin)
    else:
        part.discard()
        raise _AgainError(f"the server answered {response.status}, expected 200 or 206")
    total = part.origin.total
    if total is not None and total > remote.ceiling:
        part.discard()
        raise _too_large(remote, f"the server offers {total:,}")


def _receive(remote: Remote, part: Part, response: HTTPResponse, progress: Progress) -> None:
    """Write the body to the end of the part and flush it to the disk.

    Raises:
        _AgainError: If the connection ends or stalls before the body does.
        DataError: If there is more than the ceiling, or no room on the disk.
    """
    decoder = decoder_of(response)
    with part.append() as file:
        _copy(remote, part, response, decoder, file=file, progress=progress)
        file.flush()
        os.fsync(file.fileno())
    if decoder is not None and not decoder.eof:
        part.discard()
        raise _AgainError("the connection ended in the middle of the encoded file")
    known = remote.bytes if remote.bytes is not None else part.origin.total
    if known is not None and part.size < known:
        raise _AgainError(f"the connection ended after {part.size:,} of {known:,} bytes")


def _copy(
    remote: Remote,
    part: Part,
    response: HTTPResponse,
    decoder: Decompress | None,
    *,
    file: BinaryIO,
    progress: Progress,
) -> None:
    done, total = part.size, remote.bytes or part.origin.total or 0
    progress(done, total)
    while block := _next_block(response, part, coded=decoder is not None):
        piece = block if decoder is None else _decoded(decoder, block, part)
        while True:
            done += len(piece)
            if done > remote.ceiling:
                file.close()
                part.discard()
                raise _too_large(remote, "the server sends more")
            file.write(piece)
            if decoder is None or not decoder.unconsumed_tail:
                break
            piece = _decoded(decoder, decoder.unconsumed_tail, part)
        progress(done, max(done, total))


def _next_block(response: HTTPResponse, part: Part, *, coded: bool) -> bytes:
    """Wait for bytes; whatever stops them is a reason to try again."""
    try:
        return response.read1(_BLOCK)
    except (OSError, HTTPException) as error:
        if coded:
            part.discard()
        raise _AgainError(f"the connection broke or stalled ({_name(error)})") from error


def _decoded(decoder: Decompress, block: bytes, part: Part) -> bytes:
    try:
        return decoder.decompress(block, _BLOCK)
    except zlib.error as error:
        part.discard()
        raise _AgainError(f"the encoded bytes are damaged ({error})") from error


def _too_large(remote: Remote, what: str) -> DataError:
    return DataError(
        f"{shown(remote.url)}: expected at most {remote.ceiling:,} bytes, {what}. It was refused."
    )


def _name(error: Exception) -> str:
    return str(error) or type(error).__name__


def _checked(remote: Remote, path: Path, etag: str) -> Fetched:
    """Compare a whole file with what was published.

    Raises:
        DataError: If its length or a checksum differs.
    """
    size = path.stat().st_size
    sha256 = file_sha256(path)
    where = shown(remote.url)
    if remote.bytes is not None and size != remote.bytes:
        raise DataError(f"{where}: expected {remote.bytes:,} bytes, got {size:,}")
    if remote.sha256 is not None and sha256 != remote.sha256.lower():
        raise DataError(f"{where}: expected SHA-256 {remote.sha256.lower()}, got {sha256}")
    if remote.md5 is not None and (md5 := _md5(path)) != remote.md5.lower():
        raise DataError(f"{where}: expected MD5 {remote.md5.lower()}, got {md5}")
    return Fetched(size, sha256, etag)


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
