"""A real server in a process of its own, to be stopped, killed and asked what it costs."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

import httpx

__all__ = ["Running", "free_port"]


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


class Running:
    """A server on a free port of this machine.

    Args:
        data: Its folder.
        settings: Fields of `ServeSettings` that the command has no option for; JSON values.
        arguments: Of the command `hilum serve`, instead of settings.
        log: Where what it writes to stderr goes.
    """

    def __init__(
        self, data: Path, *arguments: object, log: Path | None = None, **settings: Any
    ) -> None:
        self.data = data
        self.log = log or data.parent / f"{data.name}.log"
        if arguments:
            command = ["-m", "hilum", "serve", "--port", "0", "--data", data, *arguments]
        else:
            command = ["-m", "tests.serve.launch", json.dumps({"data": str(data), **settings})]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        with self.log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, *map(str, command)], stdout=subprocess.PIPE, stderr=errors,
                env=environment, cwd=Path(__file__).resolve().parents[2],
            )  # fmt: skip
        self.url = self._said()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def client(self, **given: Any) -> httpx.Client:
        """Return a client of it."""
        given = {"timeout": 60, "verify": False, "trust_env": False, **given}
        return httpx.Client(base_url=self.url, **given)  # reading certificates takes its time

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def rss_mb(self) -> float:
        """Return the memory of the server's own process."""
        return _status(self.pid, "VmRSS") / 1024

    def begin_peak(self) -> float:
        """Forget the most it ever was; return what it is now."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")
        return self.rss_mb()

    def peak_mb(self) -> float:
        """Return the most it was since `begin_peak`."""
        return _status(self.pid, "VmHWM") / 1024

    def handles(self) -> int:
        """Return how many files and sockets it has open."""
        return sum(1 for _ in Path(f"/proc/{self.pid}/fd").iterdir())

    def children(self) -> list[int]:
        """Return the processes that look at films."""
        told = Path(f"/proc/{self.pid}/task").glob("*/children")
        return [int(each) for task in told for each in task.read_text().split()]

    def wait_ready(self, seconds: float = 60) -> None:
        """Wait until its processes are open."""
        end = time.monotonic() + seconds
        with self.client() as client:
            while "hilum_workers_alive 0.0" in client.get("/metrics").text:
                assert time.monotonic() < end, "its processes did not open"
                time.sleep(0.05)

    def terminate(self) -> None:
        """Ask it to stop, and return."""
        self._process.send_signal(signal.SIGTERM)

    def wait(self, seconds: float = 40) -> int:
        """Wait until it has ended; return its exit code."""
        return self._process.wait(seconds)

    def stop(self) -> int:
        """Ask it to stop, and wait; return its exit code."""
        self.terminate()
        return self.wait()

    def kill(self) -> None:
        """Kill it, if it runs."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def text(self) -> str:
        """Return what it wrote to stderr."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def _said(self) -> str:
        if self._process.stdout is None:
            raise AssertionError("it has no output")
        ready, _, _ = select.select([self._process.stdout], [], [], 90)
        line = self._process.stdout.readline().decode() if ready else ""
        if not line.startswith("hilum serves at "):
            self.kill()
            raise AssertionError(f"it did not start: {line!r} {self.text()[-3000:]}")
        return line.removeprefix("hilum serves at ").strip()


def _status(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
