"""What a server costs, and what it takes: python -m benchmarks.bench_serve [--only NAME].

Each figure is of a real `hilum serve` in a process of its own with the default bundle, on this
machine and over its loopback interface. The bare engine is the same bundle in as many processes set
up as the server's own, reading the same bytes from files, in turns with the server, since a
machine's speed drifts; the plain loop is the same in processes as a script's are, which give memory
back after each film.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import itertools
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, Self

import httpx
import numpy as np
from PIL import Image

API = "/api/v1/films"
OUT = Path(__file__).parent / "results" / "serve.json"
MIB = 1024**2


class Server:
    """A server on a free port; killed at the end of the block if it still runs."""

    def __init__(self, data: Path, *options: object) -> None:
        command = [sys.executable, "-m", "hilum", "serve", "--port", "0", "--data", str(data)]
        log = (data.parent / "server.log").open("ab")
        self.process = subprocess.Popen(
            [*command, *map(str, options)], stdout=subprocess.PIPE, stderr=log,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        log.close()
        line = self.process.stdout.readline().decode() if self.process.stdout else ""
        self.url = line.removeprefix("hilum serves at ").strip()
        self.port = int(self.url.rpartition(":")[2])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()

    def client(self, timeout: float = 120) -> httpx.Client:
        """Return a client of it; certificates are not read, since none are needed here."""
        return httpx.Client(base_url=self.url, timeout=timeout, verify=False, trust_env=False)  # noqa: S501

    def ready(self, workers: int) -> None:
        """Wait until its processes are open."""
        with self.client() as client:
            while f"hilum_workers_alive {workers}.0" not in client.get("/metrics").text:
                time.sleep(0.05)

    def memory_mb(self, name: str = "VmRSS") -> float:
        """Return what the server's own process holds, or held at most with "VmHWM"."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(each for each in text.splitlines() if each.startswith(f"{name}:"))
        return int(line.split()[1]) / 1024

    def handles(self) -> int:
        """Return how many files and sockets it has open."""
        return sum(1 for _ in Path(f"/proc/{self.process.pid}/fd").iterdir())


def films(count: int, *, size: int, seed: int = 0) -> list[bytes]:
    """Draw phantoms as PNG; a comment in each makes it another file where pixels are the same."""
    from PIL.PngImagePlugin import PngInfo

    drawn = []
    for index in range(min(count, 8)):
        stream = BytesIO()
        Image.fromarray(_phantom(seed + index, size)).save(stream, "PNG")
        drawn.append(Image.open(BytesIO(stream.getvalue())))
    made = []
    for number in range(count):
        note = PngInfo()
        note.add_text("number", f"{seed}-{number}")
        stream = BytesIO()
        drawn[number % len(drawn)].save(stream, "PNG", pnginfo=note, compress_level=1)
        made.append(stream.getvalue())
    return made


def _phantom(seed: int, size: int) -> np.ndarray[Any, Any]:
    from hilum.data.phantom import Subject, draw_phantom

    rng = np.random.default_rng(seed)
    hospital = ("hospital-a", "hospital-d")[seed % 2]
    drawn = draw_phantom(
        rng, label="normal", hospital=hospital, size=size, subject=Subject.draw(rng)
    )
    return drawn.pixels


def dicom(size: int = 2500) -> bytes:
    """Return a phantom as an uncompressed DICOM of `size` pixels a side, 12 bits."""
    import pydicom
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    half = _phantom(3, size // 2).astype(np.uint16)
    pixels = half.repeat(2, 0).repeat(2, 1) * 16
    made = pydicom.Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID = generate_uid()
    made.Modality, made.PhotometricInterpretation = "DX", "MONOCHROME2"
    made.SamplesPerPixel, (made.Rows, made.Columns) = 1, pixels.shape
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 16, 12, 11, 0
    made.PixelData = np.ascontiguousarray(pixels).tobytes()
    stream = BytesIO()
    pydicom.dcmwrite(stream, made, enforce_file_format=True)
    return stream.getvalue()


# First answer


def first_answer(folder: Path) -> dict[str, Any]:
    """Seconds from sending a 2,500-pixel DICOM to a fresh server until its answer is there."""
    fresh, warm, body = [], [], dicom()
    for turn in range(5):
        with Server(folder / f"first-{turn}") as server, server.client() as client:
            server.ready(_workers())
            client.get("/healthz")
            for taken in (fresh, warm):
                began = time.perf_counter()
                reply = client.post(f"{API}?wait=60", content=body)
                taken.append(time.perf_counter() - began)
                if reply.json()["job"]["state"] != "done":
                    raise RuntimeError(reply.text)
                body = dicom()
    return {
        "seconds_first_film_of_a_server": round(statistics.median(fresh), 3),
        "seconds_next_film": round(statistics.median(warm), 3),
        "wanted": "below 1.5 s",
        "met": max(fresh) < 1.5,
        "each": [round(each, 3) for each in fresh],
    }


# Load


_KEEPING = "from hilum.data.kept_memory import keep_memory; keep_memory()"
_BARE = """
import sys, json, time
from pathlib import Path
from hilum.screening.default import default_bundle
from hilum.screening.screener import Screener
screener = Screener(default_bundle(), threads=1, keep_film=True)
print("ready", flush=True)
for line in sys.stdin:
    began = time.perf_counter()
    for path in json.loads(line):
        screener.screen(path)
    print(time.perf_counter() - began, flush=True)
"""


class Bare:
    """The engine in processes of its own, each with a share of the films.

    Args:
        workers: How many processes.
        plain: Leave memory as a script does.
    """

    def __init__(self, workers: int, *, plain: bool = False) -> None:
        program = _BARE if plain else _KEEPING + _BARE
        self._all = [
            subprocess.Popen(
                [sys.executable, "-c", program],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
            for _ in range(workers)
        ]
        self._hear()

    def seconds(self, paths: list[str]) -> float:
        """Return how long films take, each process reading its share."""
        began = time.perf_counter()
        for number, each in enumerate(self._all):
            if each.stdin is not None:
                each.stdin.write(json.dumps(paths[number :: len(self._all)]) + "\n")
                each.stdin.flush()
        self._hear()
        return time.perf_counter() - began

    def close(self) -> None:
        """End the processes."""
        for each in self._all:
            each.kill()
            each.communicate()

    def _hear(self) -> None:
        for each in self._all:
            if each.stdout is None or not each.stdout.readline():
                raise RuntimeError("a process of the bare engine has ended")


def load_small(folder: Path) -> dict[str, Any]:
    """The same with films of 1,024 pixels, of which a server's own work is a larger share."""
    return load(folder, size=1024)


def load(folder: Path, *, turns: int = 5, clients: int = 32, size: int = 2048) -> dict[str, Any]:
    """32 clients at once, each waiting for its answer, in turns with the bare engine."""
    workers, count = _workers(), 8 * clients
    rates, latencies, errors = list[tuple[float, ...]](), list[float](), 0
    bare, plain = Bare(workers), Bare(workers, plain=True)
    with Server(folder / "load") as server:
        server.ready(workers)
        _send_all(server, films(clients, size=size, seed=999), clients)
        for turn in range(turns):
            bodies = films(count, size=size, seed=1000 * (turn + 1))
            paths = _written(folder / f"bare-{turn}", bodies)
            alone, looped = count / bare.seconds(paths), count / plain.seconds(paths)
            began = time.perf_counter()
            taken, wrong = _send_all(server, bodies, clients)
            rates.append((count / (time.perf_counter() - began), alone, looped))
            latencies += taken
            errors += wrong
            shutil.rmtree(folder / f"bare-{turn}")
    bare.close()
    plain.close()
    served, alone, looped = np.transpose(rates)
    ratio = float(statistics.median(served / alone))
    p50, p99 = (float(np.percentile(latencies, each)) for each in (50, 99))
    return {
        "clients": clients, "films": count * turns, "pixels": size, "workers": workers,
        "server_films_a_second": served.round(2).tolist(),
        "bare_films_a_second": alone.round(2).tolist(),
        "plain_loop_films_a_second": looped.round(2).tolist(),
        "ratio": round(ratio, 3),
        "ratio_to_plain_loop": round(float(statistics.median(served / looped)), 3),
        "p50_s": round(p50, 3), "p99_s": round(p99, 3), "p99_over_p50": round(p99 / p50, 2),
        "errors": errors, "wanted": "ratio at least 0.8, no error, p99 below 4 x p50",
        "met": ratio >= 0.8 and not errors and p99 < 4 * p50,
    }  # fmt: skip


def _written(folder: Path, bodies: list[bytes]) -> list[str]:
    folder.mkdir()
    for number, body in enumerate(bodies):
        (folder / f"{number}.png").write_bytes(body)
    return [str(folder / f"{number}.png") for number in range(len(bodies))]


def _send_all(
    server: Server, bodies: list[bytes], clients: int, *, wait: int = 60
) -> tuple[list[float], int]:
    """Send films by so many clients at once; return seconds of each and how many went wrong.

    The clients are threads of this process, which shares the server's cores; they send with the
    standard library, which costs least, since clients elsewhere would cost the server nothing.
    """
    taken: list[float] = []
    wrong = 0
    waiting = iter(bodies)
    lock = threading.Lock()

    def go_on() -> None:
        nonlocal wrong
        line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
        with contextlib.closing(line):
            while True:
                with lock:
                    body = next(waiting, None)
                if body is None:
                    return
                began = time.perf_counter()
                line.request("POST", f"{API}?wait={wait}", body=body)
                reply = line.getresponse()
                said = reply.read()
                seconds = time.perf_counter() - began
                good = reply.status == 201
                good &= not wait or (good and json.loads(said)["job"]["state"] == "done")
                with lock:
                    taken.append(seconds)
                    wrong += not good

    with ThreadPoolExecutor(clients) as pool:
        for each in [pool.submit(go_on) for _ in range(clients)]:
            each.result()
    return taken, wrong


# Many


def many(folder: Path, *, count: int = 10_000, clients: int = 8) -> dict[str, Any]:
    """Ten thousand small films, each waited for: none lost, memory and open files flat."""
    seen: list[tuple[int, float, int]] = []
    latencies, errors = [], 0
    with Server(folder / "many") as server:
        server.ready(_workers())
        began = time.perf_counter()
        for first in range(0, count, 500):
            bodies = films(500, size=256, seed=1_000_000 + first)
            taken, wrong = _send_all(server, bodies, clients)
            latencies, errors = [*latencies, *taken], errors + wrong
            seen.append((first + 500, server.memory_mb(), server.handles()))
        seconds = time.perf_counter() - began
        with server.client() as client:
            said = client.get(f"{API}?limit=1").json()
    memory = [each for _, each, _ in seen]
    settled = memory[len(memory) // 10 :]  # what it holds after the first tenth
    return {
        "films": count, "clients": clients, "errors": errors, "kept": said["total"],
        "still_waiting": said["counts"].get("waiting", 0), "seconds": round(seconds),
        "rss_mb": [round(each, 1) for each in memory],
        "growth": round(settled[-1] / settled[0] - 1, 4),
        "handles": [seen[0][2], seen[-1][2]],
        "p50_s": round(float(np.percentile(latencies, 50)), 4),
        "p99_s": round(float(np.percentile(latencies, 99)), 4),
        "wanted": "none lost, memory flat within 10 %, handles flat",
        "met": said["total"] == count and not errors and settled[-1] < 1.1 * settled[0],
    }  # fmt: skip


# Killed


def killed(folder: Path, *, rounds: int = 100) -> dict[str, Any]:
    """Kill -9 at random moments while films are sent; all that was acknowledged must be there."""
    rng = np.random.default_rng(7)
    data, bodies = folder / "killed", iter(films(200 * rounds, size=128, seed=5))
    acknowledged: set[str] = set()
    refused: Counter[int] = Counter()
    for _ in range(rounds):
        with Server(data) as server:
            killer = threading.Timer(rng.uniform(0.05, 2.5), _kill, [server])
            killer.start()
            with contextlib.suppress(httpx.TransportError), server.client(5) as client:
                for wait in itertools.cycle((0, 0, 5)):  # some are killed unread, none pile up
                    reply = client.post(f"{API}?wait={wait}", content=next(bodies))
                    if reply.is_success:
                        acknowledged.add(reply.json()["film"])
                    else:
                        refused[reply.status_code] += 1
                        time.sleep(0.1)
            killer.join()
    with Server(data) as server, server.client() as client:
        while client.get(f"{API}?state=waiting&limit=1").json()["total"]:
            time.sleep(0.2)
        films_there = [client.get(f"{API}/{film}").json() for film in acknowledged]
        lost = sum("answers" not in each for each in films_there)
        unread = sum(each["jobs"][0]["state"] != "done" for each in films_there)
        twice = sum(len(each["answers"]) != 1 for each in films_there)
        server.process.terminate()
        code = server.process.wait(40)
    checked = subprocess.run(
        [sys.executable, "-m", "hilum", "db", "check", "--data", data],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return {
        "rounds": rounds, "acknowledged": len(acknowledged), "refused": dict(refused),
        "lost": lost, "not_read": unread, "read_twice": twice,
        "check": checked.stdout.splitlines(), "exit_code": code,
        "wanted": "all there, read once, nothing half",
        "met": not (lost or unread or twice or checked.returncode or code),
    }  # fmt: skip


def _kill(server: Server) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(server.process.pid, signal.SIGKILL)


# Large and slow


def large(folder: Path) -> dict[str, Any]:
    """Peak memory that a gigabyte costs, with and without Content-Length."""
    found = {}
    with Server(folder / "large", "--upload-mb", "2048") as server:
        server.ready(_workers())
        for name in ("content_length", "chunked"):
            Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")  # the peak from now on
            before = server.memory_mb("VmHWM")
            body = _gigabyte()
            headers = {"Content-Length": str(1024 * MIB)} if name == "content_length" else {}
            with server.client() as client:
                reply = client.post(API, content=body, headers=headers)
            found[name] = {
                "status": reply.status_code,
                "grown_mb": round(server.memory_mb("VmHWM") - before, 1),
            }
    return {
        "taken_whole": found, "wanted": "below 50 MB",
        "met": all(each["grown_mb"] < 50 for each in found.values()),
    }  # fmt: skip


def _gigabyte() -> Iterator[bytes]:
    for _ in range(1024):
        yield bytes(MIB)


def slow(folder: Path, *, connections: int = 500) -> dict[str, Any]:
    """The others' p99 with and without 500 connections that send a byte now and then."""
    ratios, pairs = [], []
    bodies = iter(films(9 * 300, size=256, seed=77))
    with Server(folder / "slow") as server:
        server.ready(_workers())
        _p99(server, [next(bodies) for _ in range(300)])
        for _ in range(4):
            alone = _p99(server, [next(bodies) for _ in range(300)])
            place = ("127.0.0.1", server.port)
            held = [socket.create_connection(place) for _ in range(connections)]
            for each in held:
                each.sendall(b"POST /api/v1/films HTTP/1.1\r\nX-Slow: ")
            beside = _p99(server, [next(bodies) for _ in range(300)])
            for each in held:
                each.close()
            pairs.append((round(1000 * alone, 1), round(1000 * beside, 1)))
            ratios.append(beside / alone)
    return {
        "connections": connections, "p99_ms_alone_and_beside": pairs,
        "ratio": round(statistics.median(ratios), 2),
        "wanted": "unchanged", "met": statistics.median(ratios) < 1.25,
    }  # fmt: skip


def _p99(server: Server, bodies: list[bytes]) -> float:
    taken, wrong = _send_all(server, bodies, 2)
    if wrong:
        raise RuntimeError(f"{wrong} films went wrong")
    return float(np.percentile(taken, 99))


def _workers() -> int:
    from hilum.screening.cores import usable_cores

    return usable_cores()


CASES: dict[str, Callable[[Path], dict[str, Any]]] = {
    "first_answer": first_answer, "load": load, "load_small": load_small, "slow": slow,
    "large": large, "killed": killed, "many": many,
}  # fmt: skip


def main() -> None:
    """Measure, print, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=[*CASES])
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    kept = json.loads(given.out.read_text()) if given.out.exists() else {}
    for name in given.only or CASES:
        with tempfile.TemporaryDirectory(prefix="hilum-serve-") as folder:
            found = CASES[name](Path(folder))
        found["load_average"] = round(os.getloadavg()[0], 2)
        found["at"] = datetime.now(UTC).isoformat(timespec="seconds")
        kept[name] = found
        print(name, json.dumps(found, indent=1))
        given.out.parent.mkdir(exist_ok=True)
        given.out.write_text(json.dumps(kept, indent=2) + "\n")


if __name__ == "__main__":
    main()
