"""Running a plan: each file fetched, unpacked and written into the receipt, then the next.

One process at a time works in a folder. Whatever stops it, what was finished stays and the next run
goes on; when everything is there, a run only looks whether it still is as it was fetched.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from hilum.data.atomic import sync_folder
from hilum.data.fetch.archive import Unpacked, unpack
from hilum.data.fetch.download import Fetched, Progress, download
from hilum.data.fetch.plan import FetchFile, FetchPlan
from hilum.data.fetch.receipt import Entry, Receipt, sweep_receipts
from hilum.data.fetch.tar_members import DamagedArchiveError
from hilum.data.fetch.web import Web, shown
from hilum.data.folder_lock import only_writer
from hilum.errors import DataError

__all__ = ["FetchReport", "Watch", "fetch"]

Watch = Callable[[str], AbstractContextManager[Progress]]
"""Called with a file's name; yields what to call as its bytes arrive."""

_STAGING = ".fetching"
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class FetchReport:
    """What a run did."""

    fetched: tuple[str, ...]
    """Files and folders that are new."""

    kept: tuple[str, ...]
    """Those that were there, as they were fetched."""

    bytes: int
    """Of the files that this run fetched."""

    notes: tuple[str, ...] = ()
    """What a person should know."""


@contextmanager
def _unwatched(_name: str) -> Iterator[Progress]:
    yield lambda _done, _total: None


def fetch(plan: FetchPlan, out: Path, *, web: Web, watch: Watch = _unwatched) -> FetchReport:
    """Fetch what a plan names into a folder; repeat it to go on, or to see that all is there.

    Args:
        plan: What to fetch.
        out: Folder of the data set; made if it is not there.
        web: The way to the network.
        watch: Draws progress.

    Raises:
        DataError: If the folder holds other things under these names, has no room, is being written
            by another process, or has changed since it was fetched; or as `download` and `unpack`.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"Cannot make the folder {out}: {error.strerror or error}") from error
    with only_writer(out, wait_s=0):
        sweep_receipts(out)
        receipt = _receipt(plan, out)
        kept = [file.lands for file in plan.files if _is_there(file, receipt, out)]
        missing = [file for file in plan.files if file.lands not in kept]
        _check_room(plan, len(missing), out)
        fetched, notes = 0, list[str]()
        for file in missing:
            with watch(file.name) as progress:
                entry, said = _bring(file, out, web, progress)
            notes += [*said, *_changed(receipt.entries.get(file.lands), entry)]
            receipt.entries[file.lands] = entry
            receipt.write(out)
            _land(file, out)
            fetched += entry.bytes
        shutil.rmtree(out / _STAGING, ignore_errors=True)
    return FetchReport(tuple(each.lands for each in missing), tuple(kept), fetched, tuple(notes))


def _receipt(plan: FetchPlan, out: Path) -> Receipt:
    receipt = Receipt.read(out)
    if receipt is None:
        return Receipt(name=plan.name, licence=plan.licence, citation=plan.citation, home=plan.home)
    if receipt.name != plan.name:
        raise DataError(
            f"{out} holds {receipt.name}, as its {'fetch.json'} says; fetch {plan.name} into "
            "another folder."
        )
    return receipt


def _is_there(file: FetchFile, receipt: Receipt, out: Path) -> bool:
    """Say whether a file was fetched before and still is what it was.

    Raises:
        DataError: If something of that name is there which was not fetched, or has changed since.
    """
    entry, place = receipt.entries.get(file.lands), out / file.lands
    if not place.exists():
        return False
    if entry is None:
        if place.is_dir() and not any(place.iterdir()):
            return False
        raise DataError(
            f"{place} is there, and was not fetched by hilum. Move it away, fetch into another "
            "folder, or look whether it is right with --check."
        )
    if entry.url != file.url:
        raise DataError(
            f"{place} was fetched from {shown(entry.url)}, not from {shown(file.url)}. "
            "Fetch into another folder."
        )
    if faults := entry.faults(out):
        lines = "\n".join(f"  - {line}" for line in faults[:_SHOWN])
        raise DataError(
            f"{place} is not as it was fetched ({len(faults):,} differences). Move it away, and "
            f"run this again to fetch it anew.\n{lines}"
        )
    return True


def _check_room(plan: FetchPlan, missing: int, out: Path) -> None:
    """Refuse to begin where there is no room for what is missing and one archive beside it."""
    if not plan.gigabytes or not missing:
        return
    wanted = plan.gigabytes * 1e9 * (missing + 1) / len(plan.files)
    free = shutil.disk_usage(out).free
    if free < wanted:
        raise DataError(
            f"{out} has {free / 1e9:,.1f} GB free, expected at least {wanted / 1e9:,.1f} GB for "
            f"{plan.name} and the archive it is unpacked from."
        )


def _bring(file: FetchFile, out: Path, web: Web, progress: Progress) -> tuple[Entry, list[str]]:
    """Fetch and unpack one file into the staging folder.

    It gets its place only after the receipt knows of it, so that a run killed in between finds
    something it owns. An archive that arrives damaged is fetched once more.
    """
    staging = out / _STAGING
    staging.mkdir(exist_ok=True)
    target = staging / file.name
    for last in (False, True):
        got = download(file.remote, target, web=web, progress=progress)
        if file.folder is None:
            return _entry(file, got), []
        try:
            shutil.rmtree(staging / file.folder, ignore_errors=True)
            done = unpack(target, staging / file.folder, strip=file.strip, only=file.only)
        except DataError as error:
            target.unlink()
            if last or not isinstance(error, DamagedArchiveError):
                raise
        else:
            break
    entry = replace(_entry(file, got), commit=done.commit, members=done.files)
    return entry, _notes(file, done)


def _land(file: FetchFile, out: Path) -> None:
    """Give what was fetched its place and remove the archive it came in."""
    place = out / file.lands
    if place.is_dir():
        place.rmdir()
    (out / _STAGING / file.lands).rename(place)
    sync_folder(out)
    (out / _STAGING / file.name).unlink(missing_ok=True)


def _entry(file: FetchFile, got: Fetched) -> Entry:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Entry(
        url=file.url,
        lands=file.lands,
        bytes=got.bytes,
        sha256=got.sha256,
        etag=got.etag,
        fetched=now,
    )


def _notes(file: FetchFile, done: Unpacked) -> list[str]:
    lines = []
    if done.commit:
        lines.append(f"{file.lands}: commit {done.commit}")
    if done.links:
        names = ", ".join(done.links[:_SHOWN])
        lines.append(f"{file.lands}: {len(done.links)} link(s) were left out: {names}")
    if done.alike:
        names = ", ".join(done.alike[:_SHOWN])
        lines.append(
            f"{file.lands}: {len(done.alike)} name(s) differ from another only in case; on a disk "
            f"that ignores case they are one: {names}"
        )
    return lines


def _changed(before: Entry | None, now: Entry) -> list[str]:
    if before is None or before.sha256 == now.sha256:
        return []
    line = f"{now.lands}: the publisher's file has changed since {before.fetched}: SHA-256 "
    return [f"{line}{before.sha256} then, {now.sha256} now"]
