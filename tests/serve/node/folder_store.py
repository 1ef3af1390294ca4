"""Intake, queue and outbox on plain folders, for tests; `python folder_store.py DIR PORT` serves.

DIR/films/<sop uid>.dcm      what was received
DIR/results/<sop uid>.dcm    what is to be sent
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from hilum.serve.node.seams import Delivery, FilmToRead, Kind, Outcome


def sync_folder(folder):
    handle = os.open(folder, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


class FolderStore:
    """All three seams on one folder."""

    def __init__(self, folder: Path, destinations: tuple[str, ...] = ()) -> None:
        self.films = folder / "films"
        self.results = folder / "results"
        self.films.mkdir(parents=True, exist_ok=True)
        self.results.mkdir(exist_ok=True)
        self.destinations = destinations
        self.facts, self.conflicts, self.answers, self.failures = {}, [], {}, {}
        self.deliveries, self.states, self.next_tries, self.attempts = {}, {}, {}, {}
        for record in self.films.glob("*.json"):
            self.facts[record.stem] = json.loads(record.read_text())["sha256"]
        self.answer = None
        self._lock = threading.Lock()

    # Intake
    def receive(self, part, facts):
        if self.answer is not None:
            return self.answer
        with self._lock:
            kept = self.films / f"{facts.sop_uid}.dcm"
            if kept.exists():
                if self.facts.get(facts.sop_uid) == facts.sha256:
                    return Outcome.DUPLICATE
                self.conflicts.append(facts)
                return Outcome.CONFLICT
            record = {**asdict(facts), "kind": facts.kind.name}
            draft = self.films / f"{facts.sop_uid}.draft"
            draft.write_text(json.dumps(record))
            draft.rename(self.films / f"{facts.sop_uid}.json")
            part.rename(kept)
            self.facts[facts.sop_uid] = facts.sha256
            sync_folder(self.films)
            return Outcome.STORED

    def holds(self, uids):
        return {uid for uid in uids if (self.films / f"{uid}.dcm").exists()}

    def record(self, uid):
        return json.loads((self.films / f"{uid}.json").read_text())

    # FilmQueue
    def waiting(self, limit):
        with self._lock:
            found = [
                FilmToRead(id=path.stem, path=path.with_suffix(".dcm"))
                for path in sorted(self.films.glob("*.json"))
                if json.loads(path.read_text())["kind"] == Kind.CANDIDATE.name
                and path.with_suffix(".dcm").exists()
                and path.stem not in self.answers
                and path.stem not in self.failures
            ]
        return found[:limit]

    def answered(self, film, reading, results):
        with self._lock:
            kept = []
            for result in results:
                place = self.results / f"{result.sop_uid}.dcm"
                result.path.rename(place)
                kept.append(place)
            self.answers[film.id] = reading
            for name in self.destinations if kept else ():
                self._queue(f"{film.id}-{name}", name, kept)

    def failed(self, film, why, next_try=None):
        if next_try is None:
            self.failures[film.id] = why
        else:
            self.states[film] = f"failed: {why}"
            self.attempts[film] += 1
            self.next_tries[film] = next_try

    # Outbox
    def _queue(self, key, destination, paths):
        now = datetime.now(UTC)
        self.deliveries[key] = (destination, tuple(paths), now)
        self.states[key], self.attempts[key], self.next_tries[key] = "waiting", 0, now

    def queue(self, key, destination, paths):
        with self._lock:
            self._queue(key, destination, paths)

    def due(self, now, limit):
        with self._lock:
            ready = [
                Delivery(
                    id=key,
                    destination=name,
                    paths=paths,
                    attempts=self.attempts[key],
                    created=created,
                )
                for key, (name, paths, created) in self.deliveries.items()
                if not self.states[key].startswith(("sent", "dead")) and self.next_tries[key] <= now
            ]
        return ready[:limit]

    def sent(self, key):
        self.states[key] = "sent"

    def dead(self, key, why):
        self.states[key] = f"dead: {why}"


def serve(folder: Path, port: int) -> None:
    from hilum.serve.node.listener import Listener
    from hilum.serve.node.settings import NodeSettings

    settings = NodeSettings(
        arrivals=folder / "arrivals", port=port, callers=("SENDER",), free_disk_bytes=0
    )
    listener = Listener(settings, FolderStore(folder))
    listener.start()
    sys.stdout.write(f"{listener.address[1]}\n")
    sys.stdout.flush()
    while True:
        time.sleep(60)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
