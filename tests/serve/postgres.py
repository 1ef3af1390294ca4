"""A PostgreSQL of its own for a test run: in a temporary folder, on a socket there."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

__all__ = ["Postgres"]

_SETTINGS = ("fsync=off", "full_page_writes=off", "listen_addresses=", "max_connections=80")


class Postgres:
    """A cluster that can be started, stopped, frozen and killed.

    Root may not run one, so root runs it as the user that Debian's package made for it.
    """

    def __init__(self) -> None:
        pytest.importorskip("psycopg")
        found = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin"))) or [
            str(Path(which).parent) for which in [shutil.which("initdb")] if which
        ]
        if not found:
            pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
        self._programs = Path(found[-1])
        self.folder = Path(tempfile.mkdtemp(prefix="hilum-postgres-"))
        self._as: list[str] = []
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
            self._as = ["runuser", "-u", "postgres", "--"]
        self._run("initdb", "-D", self.folder / "data", "-A", "trust", "-U", "hilum", "-N")
        self._count = 0
        self.start()

    def url(self, database: str = "postgres") -> str:
        """Return a database's URL."""
        return f"postgresql://hilum@/{database}?host={self.folder}"

    def create(self, template: str = "template1") -> str:
        """Make an empty database, or a copy of another one; return its name."""
        self._count += 1
        name = f"hilum_{self._count}"
        self._run("createdb", "-h", self.folder, "-U", "hilum", "-T", template, name)
        return name

    def empty(self, database: str) -> None:
        """Leave of a database with hilum's tables only the tables, whoever is at work in it."""
        import psycopg

        from hilum.serve.storage.tables import metadata

        with psycopg.connect(self.url(database)) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            for table in reversed(metadata.sorted_tables):
                connection.execute(f"DELETE FROM {table.name}")
            connection.execute(
                "SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'"
            )

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = " ".join(f"-c {each}" for each in _SETTINGS) + f" -k {self.folder}"
        self._run(
            "pg_ctl", "-D", self.folder / "data", "-w", "-o", options, "-l",
            self.folder / "log", "start",
        )  # fmt: skip

    def stop(self, mode: str = "fast") -> None:
        """Stop it; "immediate" is as good as a crash."""
        self._run("pg_ctl", "-D", self.folder / "data", "-m", mode, "-w", "stop")

    def freeze(self, *, thaw: bool = False) -> None:
        """Have every process of it stand still, or go on."""
        for pid in self._pids():
            os.kill(pid, signal.SIGCONT if thaw else signal.SIGSTOP)

    def close(self) -> None:
        """End it, and leave nothing behind."""
        self.freeze(thaw=True)
        self.stop("immediate")
        time.sleep(0.1)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _pids(self) -> list[int]:
        first = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        rest = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(first)], capture_output=True, text=True, check=False
        ).stdout.split()
        return [first, *map(int, rest)]

    def _run(self, program: str, *arguments: object) -> None:
        command = [*self._as, str(self._programs / program), *map(str, arguments)]
        done = subprocess.run(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd="/", text=True,
            check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
