"""A process that looks at films: one network, one film at a time, within limits.

It is started with the number of a pipe. What goes wrong with a film it can name is a reply; what
it cannot name ends it, and its parent notices.
"""

from __future__ import annotations

import contextlib
import resource
import sys
from dataclasses import dataclass
from io import BytesIO
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilum.data.kept_memory import keep_memory
from hilum.data.radiograph import Radiograph
from hilum.data.reading import read_radiograph
from hilum.errors import BundleError, HilumError, ImageReadError
from hilum.screening.bundle import Bundle
from hilum.screening.expendable import be_expendable
from hilum.screening.overlay import draw_overlay
from hilum.screening.screener import Screener
from hilum.serve.recalled import recalled
from hilum.serve.storage.jobs import Region
from hilum.serve.workers.frames import receive, send
from hilum.serve.workers.strike import struck_out

__all__ = ["main"]

_FACTS = {
    "SOPInstanceUID": "sop_uid",
    "StudyInstanceUID": "study_uid",
    "SeriesInstanceUID": "series_uid",
    "PatientID": "patient_id",
    "PatientName": "patient_name",
    "AccessionNumber": "accession",
    "StudyDate": "study_date",
}


@dataclass(frozen=True, slots=True)
class _Answer:
    head: dict[str, Any]
    blobs: tuple[bytes | memoryview, ...] = ()


def main(number: int) -> None:
    """Answer what comes through a pipe until it closes."""
    be_expendable()
    keep_memory()
    with Connection(number) as pipe:
        first, _ = receive(pipe)
        try:
            screener = _open(first)
        except HilumError as error:
            send(pipe, {"fatal": str(error)})
            return
        _limit(first["memory_mb"], first["cpu_s"])
        send(pipe, {"ready": True})
        with contextlib.suppress(EOFError, OSError):
            while True:
                asked, blobs = receive(pipe)
                answer = _answered(screener, asked, blobs)
                send(pipe, answer.head, *answer.blobs)


def _open(first: dict[str, Any]) -> Screener:
    screener = Screener(Bundle.load(first["bundle"]), threads=first["threads"], keep_film=True)
    if screener.bundle.id != first["bundle_id"]:
        raise BundleError(
            f"The bundle {first['bundle']} was changed while the server ran: expected "
            f"{first['bundle_id'][:12]}, got {screener.bundle.id[:12]}. Start the server anew."
        )
    return screener


def _limit(memory_mb: int, cpu_s: int) -> None:
    """Bound what films can make this process take, beyond what it has taken already."""
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if _is_linux() else 0
    if pages:
        most = pages * resource.getpagesize() + memory_mb * 1024**2
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # there is nothing it should write


def _is_linux() -> bool:
    return sys.platform == "linux"


def _answered(screener: Screener, asked: dict[str, Any], blobs: list[bytes]) -> _Answer:
    try:
        if asked["kind"] == "look":
            return _look(screener, asked["path"], asked["struck"])
        if asked["kind"] == "show":
            return _show(asked["path"], asked["longest"])
        return _draw(screener, asked, blobs)
    except ImageReadError as error:
        return _Answer({"failed": error.reason})
    except (HilumError, OSError, MemoryError) as error:
        said = str(error).replace(str(asked["path"]), "the film")
        return _Answer({"failed": said or f"{type(error).__name__} while it was read."})


def _look(screener: Screener, path: str, struck: list[Region]) -> _Answer:
    found = screener.screen(path, edit=struck_out(struck) if struck else None)
    told = {**found.to_dict(), "path": ""}
    told["error"] = told["error"] and told["error"].replace(path, "the film")
    head: dict[str, Any] = {"told": told, "facts": {}, "region": None}
    if found.film is not None:
        head |= {"facts": _facts(found.film), "region": _region(screener, found.film)}
    if found.cams is None:
        return _Answer({**head, "cams": None})
    cams = np.ascontiguousarray(found.cams, "<f4")
    return _Answer({**head, "cams": list(cams.shape)}, (cams.tobytes(),))


def _facts(film: Radiograph) -> dict[str, Any]:
    named = {_FACTS[k]: v for k, v in film.facts.items() if k in _FACTS}
    said = {k: v for k, v in film.facts.items() if k not in _FACTS}
    return {
        **named,
        "view": film.view,
        "format": film.format,
        "height": film.full_shape[0],
        "width": film.full_shape[1],
        "said": said,
        "history": list(film.history),
    }


def _region(screener: Screener, film: Radiograph) -> list[float]:
    height, width = film.full_shape
    top, left, rows, columns = screener.bundle.record.preprocessing.region((height, width))
    return [top / height, left / width, rows / height, columns / width]


def _show(path: str, longest: int) -> _Answer:
    film = read_radiograph(path, smallest_side=longest)
    pixels = film.pixels
    step = max(1, -(-max(pixels.shape) // longest))
    pixels = _reduced(pixels, step)
    grown = tuple(size * step for size in film.spacing_mm) if film.spacing_mm else None
    head = {
        "shape": list(pixels.shape),
        "full_shape": list(film.full_shape),
        "bits": 8 * pixels.itemsize,
        "white": film.white,
        "spacing_mm": grown,
        "spacing_kind": film.spacing_kind,
    }
    little = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<"))
    return _Answer(head, (little.tobytes(),))


def _reduced(pixels: NDArray[Any], step: int) -> NDArray[Any]:
    """Return means over squares of `step` pixels; what does not fill one at the edge is left out.

    A side that is shorter than `step` keeps its pixels.
    """
    if step == 1:
        return pixels
    down, across = (step if size >= step else 1 for size in pixels.shape)
    height, width = pixels.shape[0] // down, pixels.shape[1] // across
    squares = pixels[: height * down, : width * across].reshape(height, down, width, across)
    means: NDArray[np.float32] = squares.mean(axis=(1, 3), dtype=np.float32)
    return np.rint(means).astype(pixels.dtype)


def _draw(screener: Screener, asked: dict[str, Any], blobs: list[bytes]) -> _Answer:
    film = read_radiograph(asked["path"], smallest_side=1024)
    cams = np.frombuffer(blobs[0], "<f4").reshape(asked["cams"])
    answer = recalled(asked["told"], path="film", cams=cams)
    picture = draw_overlay(answer, screener.bundle.record, asked["label"], film=film)
    buffer = BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return _Answer({}, (buffer.getvalue(),))


if __name__ == "__main__":
    main(int(sys.argv[1]))
