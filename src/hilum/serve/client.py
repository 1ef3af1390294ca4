"""Talking to a hilum server from Python: send films, wait for answers, say what you think.

    with Client("http://127.0.0.1:8000") as hilum:
        sent = hilum.send("film.dcm", wait=30)
        print(sent.answer.decision, sent.answer.probabilities)

Nothing is lost on a bad line: a film goes with an idempotency key, and when the reply does not
come, or the server asks to come back later, the same film is sent with the same key again, a
bounded number of times. For research use only.
"""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

import httpx

from hilum.errors import HilumError

__all__ = [
    "Answer",
    "Client",
    "Entry",
    "Film",
    "Job",
    "Opinion",
    "Sent",
    "ServerError",
    "UnreachableError",
]

_API = "/api/v1"
_LATER = frozenset({408, 429, 502, 503, 504, 507})
_LONGEST_WAIT_S = 60.0
_CHUNK = 256 * 1024

Record = TypeVar("Record")


class ServerError(HilumError):
    """The server refused, and said why.

    Args:
        status: HTTP status.
        title: The kind of refusal.
        detail: What was expected, what came, what to do.
        problems: What was wrong, one by one.
    """

    def __init__(self, status: int, title: str, detail: str, problems: Sequence[str] = ()) -> None:
        self.status, self.title, self.detail = status, title, detail
        self.problems = tuple(problems)
        more = "".join(f"\n  {each}" for each in self.problems)
        super().__init__(f"{title} ({status}): {detail}{more}")


class UnreachableError(HilumError):
    """The server did not answer, however often it was asked.

    Args:
        url: The server's.
        why: What went wrong the last time.
        tries: How often it was asked.
    """

    def __init__(self, url: str, why: str, tries: int) -> None:
        super().__init__(
            f"Expected an answer of {url}, got none in {tries} tries: {why}. Is the server running?"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """How far a film is."""

    id: str
    state: Literal["queued", "done", "failed"]
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a bundle said of a film. For research use only."""

    id: str
    film: str
    bundle: str
    bundle_name: str
    accepted: bool
    """Whether the gate took it for a frontal chest radiograph."""
    reasons: list[str]
    """Why it did not."""
    warnings: list[str]
    probabilities: dict[str, float] | None
    calibrated: bool
    decision: str | None
    threshold: dict[str, Any]
    struck: list[list[float]]
    """Regions the network did not see: (top, left, height, width) as shares of the film's."""
    region: list[float] | None
    maps: dict[str, list[list[float]]] | None = field(repr=False)
    """Evidence for each class, rows of cells over `region`."""
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A film that was taken in."""

    film: str
    job: Job
    new: bool
    """False if these bytes were there already."""
    answer: Answer | None
    """If it was waited for, and came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """A film that is kept, and what was said of it."""

    id: str
    sha256: str
    bytes: int
    format: str
    name: str
    source: str
    received_at: datetime
    removed_at: datetime | None
    conflict_with: str | None
    patient_id: str | None
    patient_name: str | None
    study_uid: str | None
    study_date: str | None
    view: str | None
    facts: dict[str, Any] | None
    jobs: list[Job]
    answers: list[Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A film of the worklist."""

    film: str
    name: str
    patient_id: str | None
    patient_name: str | None
    study_date: str | None
    view: str | None
    source: str
    received_at: datetime
    state: Literal["waiting", "read", "refused", "failed"]
    problem: str | None
    answer: str | None
    decision: str | None
    probability: float | None
    mine: bool
    conflict: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What a reader said of a film."""

    id: str
    film: str
    reader: str
    place: int
    verdict: str
    bundle: str
    answer: str | None
    label: str | None
    finding: str | None
    quality: str | None
    comment: str | None
    pretest: dict[str, float] | None
    at: datetime


class Client:
    """A hilum server.

    Args:
        url: Where it is, as it printed at its start.
        token: A program's token, from `hilum token create`; None on a machine of one's own.
        tries: How often a request is made at most; 1 for no second try.
        timeout_s: Seconds without a byte after which a request is given up.
        transport: How requests are made; None for over the network.

    Raises:
        ValueError: If `tries` is below 1 or the URL is not one of http.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        tries: int = 5,
        timeout_s: float = 30.0,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if tries < 1:
            raise ValueError(f"tries must be at least 1, got {tries}")
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"expected a URL as http://127.0.0.1:8000, got {url!r}")
        self._url, self._tries, self._sleep = url.rstrip("/"), tries, sleep
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._timeout_s = timeout_s
        self._http = httpx.Client(
            base_url=self._url, headers=headers, timeout=timeout_s, transport=transport
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def send(
        self,
        film: Path | str | bytes,
        *,
        wait: float = 0.0,
        name: str | None = None,
        key: str | None = None,
    ) -> Sent:
        """Send a film; when this returns, the server keeps it safely and will read it.

        Args:
            film: A file, or its bytes: PNG, JPEG, WebP or DICOM.
            wait: Seconds to wait for the answer, at most 60; 0 returns as soon as it is kept.
            name: What the server shows; None for the file's name.
            key: An idempotency key, another one for each film; None makes one.

        Raises:
            OSError: If the file cannot be read.
            ServerError: If the server refuses the film.
            UnreachableError: If it does not answer.
        """
        shown = name if name is not None else ("" if isinstance(film, bytes) else Path(film).name)
        given: dict[str, Any] = {"wait": min(wait, 60.0)}
        if shown:
            given["name"] = shown[:1000]
        headers = {"Idempotency-Key": key or secrets.token_hex(16)}
        if isinstance(film, bytes):
            told = self._asked("POST", "/films", params=given, headers=headers, content=film)
            return _of(Sent, told.json())
        path = Path(film)
        headers["Content-Length"] = str(path.stat().st_size)
        told = self._asked(
            "POST", "/films", params=given, headers=headers, content=lambda: _chunks(path)
        )
        return _of(Sent, told.json())

    def film(self, film: str) -> Film:
        """Return what is known of a film, and what was said of it.

        Args:
            film: Its id.

        Raises:
            ServerError: If there is none, or it may not be seen.
            UnreachableError: If the server does not answer.
        """
        return _of(Film, self._asked("GET", f"/films/{film}").json())

    def films(self, *, most: int | None = None, **wish: str | bool) -> Iterator[Entry]:
        """Yield films of the worklist, those that need a look first.

        Args:
            most: How many at most; None for all.
            wish: `label`, `state`, `decision`, `mine`, `text` or `order`, as in the interface.

        Raises:
            ServerError: If the server refuses.
            UnreachableError: If it does not answer.
        """
        offset = 0
        while most is None or offset < most:
            limit = 500 if most is None else min(500, most - offset)
            asked = {**wish, "limit": limit, "offset": offset}
            entries = self._asked("GET", "/films", params=asked).json()["entries"]
            yield from (_of(Entry, each) for each in entries)
            offset += len(entries)
            if len(entries) < limit:
                return

    def opinion(
        self,
        film: str,
        verdict: Literal["agree", "disagree", "other", "unreadable"],
        **said: str | Mapping[str, float],
    ) -> Opinion:
        """Say what you think of a film. It is not tried twice: each time would be an opinion.

        Args:
            film: Its id.
            verdict: Of the bundle's decision.
            said: `answer`, `label`, `finding`, `quality`, `comment` or `pretest`.

        Raises:
            ServerError: If the server refuses.
            UnreachableError: If it does not answer.
        """
        body = {"verdict": verdict, **said}
        told = self._asked("POST", f"/films/{film}/opinions", json=body, tries=1)
        return _of(Opinion, told.json())

    def heatmap(self, film: str, answer: str, label: str) -> bytes:
        """Return the film with the evidence for one class drawn on it, as PNG.

        Args:
            film: The film's id.
            answer: The answer's id.
            label: The class.

        Raises:
            ServerError: If there is no such answer, or it has no maps.
            UnreachableError: If the server does not answer.
        """
        return self._asked("GET", f"/films/{film}/answers/{answer}/maps/{label}.png").content

    def feedback(self, *, agreed: Literal["unanimous", "first", "second"] = "unanimous") -> str:
        """Return films with the labels their readers gave: a manifest, as CSV.

        Args:
            agreed: Whose label counts.

        Raises:
            ServerError: If it may not be exported.
            UnreachableError: If the server does not answer.
        """
        return self._asked("GET", "/feedback.csv", params={"agreed": agreed}).text

    def _asked(
        self, method: str, path: str, *, content: Any = None, tries: int | None = None, **given: Any
    ) -> httpx.Response:
        """Return the reply to a request that may be made again if need be."""
        most, why = tries or self._tries, ""
        wait_s = float(given.get("params", {}).get("wait", 0))
        for turn in range(1, most + 1):
            body = content() if callable(content) else content
            pause = min(0.2 * 2**turn, 10.0) * random.uniform(0.5, 1.5)  # noqa: S311
            try:
                reply = self._http.request(
                    method, _API + path, content=body,
                    timeout=httpx.Timeout(self._timeout_s, read=self._timeout_s + wait_s), **given,
                )  # fmt: skip
            except httpx.TransportError as error:
                why = str(error) or type(error).__name__
            else:
                if reply.is_success:
                    return reply
                if reply.status_code not in _LATER or turn == most:
                    raise _refusal(reply)
                pause = _asked_pause(reply) or pause
            if turn < most:
                self._sleep(min(pause, _LONGEST_WAIT_S))
        raise UnreachableError(self._url, why, most)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _asked_pause(reply: httpx.Response) -> float:
    """Return the seconds of Retry-After, a number or a date; 0 without it."""
    said = reply.headers.get("retry-after", "")
    if said.isascii() and said.isdigit():
        return float(said[:6])
    try:
        at = parsedate_to_datetime(said)
    except ValueError:
        return 0.0
    return max(0.0, at.timestamp() - time.time())


def _refusal(reply: httpx.Response) -> ServerError:
    try:
        told = reply.json()
        detail, title = str(told["detail"]), str(told["title"])
        problems = [str(each) for each in told.get("problems", ())]
    except (ValueError, KeyError, TypeError, AttributeError):
        return ServerError(reply.status_code, reply.reason_phrase or "Refused", reply.text[:500])
    return ServerError(reply.status_code, title, detail, problems)


def _of(kind: type[Record], told: Mapping[str, Any]) -> Record:
    """Return a record of what the server told; what a later server tells besides is left out."""
    known = {each.name for each in fields(kind)}  # type: ignore[arg-type]
    values = {name: _value(name, value) for name, value in told.items() if name in known}
    try:
        return kind(**values)
    except TypeError as error:
        raise HilumError(f"The server's reply is not as expected: {error}.") from error


def _value(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name.endswith("_at") or name == "at":
        return datetime.fromisoformat(value)
    kind = _KINDS.get(name)
    if kind is None or isinstance(value, str):
        return value
    return [_of(kind, each) for each in value] if isinstance(value, list) else _of(kind, value)


_KINDS: Mapping[str, type[Any]] = {"job": Job, "jobs": Job, "answer": Answer, "answers": Answer}
