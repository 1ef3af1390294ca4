"""Asking the network: each film read once, changed in every way that is missing, in batches.

Reading and changing run in threads while the network works on what is ready; every batch of
answers is kept at once, so that an interrupted audit goes on where it stopped.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hilum.audit.answers import Answer, AnswerStore
from hilum.audit.masks import Found, Masks
from hilum.audit.perturb import AS_THEY_ARE, Change, View
from hilum.data.file_hash import file_sha256
from hilum.data.preprocessing import normalize, prepare, to_uint8
from hilum.data.radiograph import Radiograph
from hilum.data.reading import read_radiograph
from hilum.errors import HilumError, ImageReadError
from hilum.screening.bundle import Bundle
from hilum.screening.cores import usable_cores
from hilum.screening.engine import Engine, to_probabilities

__all__ = ["Asking", "Film", "Stranger", "generator"]

_BATCH = 16
_AHEAD = 2
"""Films waiting for each reading thread."""

_NO_NETWORK = "masks"


@dataclass(frozen=True, slots=True)
class Film:
    """A film and its manifest row."""

    path: Path
    row: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Stranger:
    """A network that is asked in place of the bundle's own, about the same prepared pictures."""

    name: str
    """What it is called in the store, behind the bundle's id: "randomised-1"."""

    model: bytes
    """Its ONNX file."""


@dataclass(frozen=True, slots=True)
class _Ready:
    """What was made of one film."""

    film: str
    """SHA-256 of its bytes."""

    pictures: list[tuple[str, NDArray[np.uint8], bool]]
    """(key of the change, prepared picture, whether its maps are kept)."""

    settled: list[tuple[str, str, Answer]]
    """(network, key, answer) that need no network."""


class Asking:
    """Get answers of one bundle.

    Args:
        bundle: Already verified.
        store: Where answers are kept.
        masks: Where lungs and lesions are.
        unreadable: Films that cannot be read, and why, are added here.
        stranger: Asked in place of the bundle's network; None: that is asked.
    """

    def __init__(
        self,
        bundle: Bundle,
        store: AnswerStore,
        masks: Masks,
        unreadable: dict[str, str],
        *,
        stranger: Stranger | None = None,
    ) -> None:
        self.bundle = bundle
        self.store = store
        self.masks = masks
        self.unreadable = unreadable
        self._stranger = stranger
        self._name = bundle.id if stranger is None else f"{bundle.id}-{stranger.name}"
        self._hashes: dict[Path, str] = {}
        self._engine: Engine | None = None

    def ask(
        self,
        films: Sequence[tuple[Film, tuple[Change, ...]]],
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Get the answers that are not there yet."""
        missing = list(self._missing(films))
        waiting_pictures: list[tuple[str, str, NDArray[np.uint8], bool]] = []
        for done, ready in enumerate(self._read_ahead(missing), start=1):
            if ready is not None:
                for network, key, answer in ready.settled:
                    self.store.keep(network, [(ready.film, key, answer)])
                waiting_pictures += [(ready.film, *one) for one in ready.pictures]
            while len(waiting_pictures) >= _BATCH:
                self._infer(waiting_pictures[:_BATCH])
                del waiting_pictures[:_BATCH]
            if progress is not None:
                progress(done, len(missing))
        if waiting_pictures:
            self._infer(waiting_pictures)

    def answers(self, films: Sequence[Film], change: Change) -> list[Answer | None]:
        """Return what is known of films under a change, in their order."""
        keyed = [(self._hash(film.path), self._key(film, change)) for film in films]
        by_key: dict[str, list[str]] = {}
        for sha, key in keyed:
            if sha:
                by_key.setdefault(key, []).append(sha)
        network = self._network(change)
        found = {key: self.store.get(network, key, shas) for key, shas in by_key.items()}
        return [found.get(key, {}).get(sha) if sha else None for sha, key in keyed]

    def _network(self, change: Change) -> str:
        # A mask depends on the preprocessing's geometry alone.
        pixels = self.bundle.record.preprocessing.pixel_hash
        return self._name if change.asks_network else f"{_NO_NETWORK}-{pixels}"

    def _key(self, film: Film, change: Change) -> str:
        if not change.mask:
            return change.key
        return f"{change.key}@{self.masks.origin(change.mask, film.row)}"

    def _hash(self, path: Path) -> str:
        """Return the hash of a file's bytes; empty if it cannot be read."""
        if path not in self._hashes:
            try:
                self._hashes[path] = file_sha256(path)
            except OSError as error:
                self.unreadable[str(path)] = error.strerror or str(error)
                self._hashes[path] = ""
        return self._hashes[path]

    def _missing(
        self, films: Sequence[tuple[Film, tuple[Change, ...]]]
    ) -> Iterator[tuple[Film, tuple[Change, ...]]]:
        known: dict[tuple[str, str], set[str]] = {}
        begun: set[tuple[str, str, str]] = set()
        for film, changes in films:
            sha = self._hash(film.path)
            if not sha or str(film.path) in self.unreadable:
                continue
            left = []
            for change in changes:
                place = (self._network(change), self._key(film, change))
                if place not in known:
                    known[place] = self.store.known(*place)
                # The same bytes may stand in a manifest under two names.
                if sha not in known[place] and (*place, sha) not in begun:
                    begun.add((*place, sha))
                    left.append(change)
            if left:
                yield film, tuple(left)

    def _read_ahead(
        self, films: Sequence[tuple[Film, tuple[Change, ...]]]
    ) -> Iterator[_Ready | None]:
        workers = usable_cores()
        waiting: deque[tuple[Film, Future[_Ready]]] = deque()
        with ThreadPoolExecutor(workers, thread_name_prefix="hilum-audit") as pool:
            try:
                for film, changes in films:
                    waiting.append((film, pool.submit(self._changed, film, changes)))
                    if len(waiting) >= _AHEAD * workers:
                        yield self._finished(*waiting.popleft())
                while waiting:
                    yield self._finished(*waiting.popleft())
            finally:
                for _, future in waiting:
                    future.cancel()

    def _finished(self, film: Film, future: Future[_Ready]) -> _Ready | None:
        try:
            return future.result()
        except ImageReadError as error:
            self.unreadable[str(film.path)] = error.reason
        except (HilumError, OSError, MemoryError) as error:
            self.unreadable[str(film.path)] = str(error) or type(error).__name__
        return None

    def _changed(self, film: Film, changes: Sequence[Change]) -> _Ready:
        """Read one film and change it in every way wanted."""
        preprocessing = self.bundle.record.preprocessing
        radiograph = read_radiograph(film.path, smallest_side=preprocessing.decode_side)
        grey = to_uint8(radiograph)
        grey.flags.writeable = False
        found: dict[str, Found] = {}
        ready = _Ready(radiograph.sha256, [], [])
        for change in changes:
            key, mask = self._key(film, change), None
            if change.mask:
                if change.mask not in found:
                    found[change.mask] = self.masks.find(change.mask, film.row, radiograph)
                where = found[change.mask]
                mask = where.mask
                if mask is None:
                    answer = Answer(why_not=where.why_not)
                    ready.settled.append((self._network(change), key, answer))
                    continue
            if not change.asks_network:
                square = self._prepared_mask(radiograph, mask)
                ready.settled.append((self._network(change), key, Answer(mask=square)))
                continue
            pixels = change.apply(View(grey, mask, generator(radiograph.sha256, change.key)))
            picture = prepare(_with_pixels(radiograph, pixels), preprocessing)
            ready.pictures.append((key, picture, change is AS_THEY_ARE))
        return ready

    def _prepared_mask(
        self, radiograph: Radiograph, mask: NDArray[np.bool_] | None
    ) -> NDArray[np.bool_]:
        if mask is None:
            raise ValueError("a change that asks no network must name a mask")
        geometry = replace(self.bundle.record.preprocessing, equalization="none")
        return prepare(_with_pixels(radiograph, mask.astype(np.uint8) * 255), geometry) > 127

    def _infer(self, batch: Sequence[tuple[str, str, NDArray[np.uint8], bool]]) -> None:
        if self._engine is None:
            model = None if self._stranger is None else self._stranger.model
            self._engine = Engine(self.bundle, model=model)
        record = self.bundle.record
        pictures = np.stack([picture for _, _, picture, _ in batch])
        logits, cams, features = self._engine.run_with_features(
            normalize(pictures, record.preprocessing)
        )
        said = to_probabilities(
            logits, temperature=record.temperature, binary=record.task == "binary"
        )
        self.store.keep(
            self._name,
            [
                (
                    film,
                    key,
                    Answer(why_not="the network gave NaN or infinity")
                    if np.isnan(said[i]).any()
                    else Answer(
                        probabilities=said[i],
                        features=None if features is None else features[i],
                        cams=cams[i] if keep else None,
                    ),
                )
                for i, (film, key, _, keep) in enumerate(batch)
            ],
        )


def _with_pixels(radiograph: Radiograph, pixels: NDArray[np.uint8]) -> Radiograph:
    return replace(radiograph, pixels=pixels, white=255)


def generator(film: str, key: str) -> np.random.Generator:
    """Return what a change of a film draws from: the same for the same film and change."""
    digest = hashlib.sha256(f"{film}/{key}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))
