"""The service over a stand-in for its processes: retention, clocks, what cannot be kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.screening.conftest import CLASSES, MULTICLASS, record_of
from tests.serve.conftest import Clock

from hilum.screening.bundle import write_bundle
from hilum.serve.service import Accepted, BusyError, RemovedError, Service
from hilum.serve.settings import ServeSettings
from hilum.serve.storage import answers, films, jobs
from hilum.serve.storage.backup import check
from hilum.serve.storage.errors import UnavailableError
from hilum.serve.workers.tasks import Failed, Reply, Seen, Task


class StandIn:
    """Processes that answer when they are told to."""

    def __init__(self, *_: object, **__: object) -> None:
        self.asked: list[tuple[Task, Future[Reply]]] = []
        self.problem, self.alive, self.deaths = None, 1, 0

    def submit(self, task: Task, *, urgency: int = 1) -> Future[Reply]:
        future: Future[Reply] = Future()
        self.asked.append((task, future))
        return future

    def close(self, _timeout_s: float) -> None:
        self.asked.clear()


@pytest.fixture
def open_service(
    tmp_path: Path, quick_bundle: Path, set_clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Service]]:
    """A function that opens a service whose rounds are made by hand."""
    monkeypatch.setattr("hilum.serve.service.Pool", StandIn)
    monkeypatch.setattr("hilum.serve.service.Service._go_round", lambda _: None)
    opened: list[Service] = []

    def make(**given: Any) -> Service:
        given = {"bundle": quick_bundle, **given}
        settings = ServeSettings(data=tmp_path / "data", reserve_bytes=0, **given)
        opened.append(Service(settings, clock=set_clock))
        return opened[-1]

    yield make
    for each in opened:
        each.close(1)


def _send(service: Service, film: bytes, **given: Any) -> Accepted:
    with service.incoming() as incoming:
        incoming.write(film)
        return service.accept(incoming, name="a.png", source="api", who="ada", **given)


def _seen(accepted: Accepted, **facts: Any) -> Seen:
    told = {
        "bundle": accepted.job.bundle, "bundle_name": "quick", "sha256": accepted.film.sha256,
        "accepted": True, "decision": "covid", "error": None, "seconds": 0.1, "reasons": [],
        "probabilities": {"normal": 0.1, "pneumonia": 0.2, "covid": 0.7},
    }  # fmt: skip
    maps = np.zeros((3, 2, 2), np.float32)
    return Seen(told=told, facts={"height": 5, **facts}, cams=maps, region=(0, 0, 1, 1))


def _reply(service: Service, accepted: Accepted, reply: Reply) -> None:
    """Have the stand-in answer the last task, and wait until that is written down."""
    pending = service.pending(accepted.job.id)
    pool: Any = service.pool
    pool.asked[-1][1].set_result(reply)
    if pending is not None:
        pending.result(10)


def _job(service: Service, accepted: Accepted) -> jobs.Job:
    with service.database.read() as connection:
        return jobs.job_of(connection, accepted.job.id)


FILM = b"\x89PNG\r\n\x1a\n and so on"


def test_too_many_films_that_wait_are_too_many(open_service: Callable[..., Service]) -> None:
    service = open_service(waiting=2)
    for number in range(2):
        _send(service, FILM + bytes([number]))
    with pytest.raises(BusyError, match="2 films wait to be read. Nothing was kept"):
        service.incoming()


def test_a_job_ends_once_however_often_it_is_answered(open_service: Callable[..., Service]) -> None:
    service = open_service()
    accepted = _send(service, FILM)
    _reply(service, accepted, _seen(accepted))
    service.begin(accepted.job)  # a round that came between the commit and the reading
    _reply(service, accepted, Failed("too late"))
    assert _job(service, accepted).state == "done"
    with service.database.read() as connection:
        assert len(answers.answers_of(connection, accepted.film.id)) == 1


def _gone(*_: object, **__: object) -> None:
    raise UnavailableError("it went away")


def test_an_answer_that_cannot_be_kept_now_is_had_again_even_if_a_round_fails(
    open_service: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    service = open_service()
    accepted = _send(service, FILM)
    with monkeypatch.context() as broken:
        broken.setattr(jobs, "finish", _gone)
        _reply(service, accepted, _seen(accepted))
    assert _job(service, accepted).state == "queued"
    assert service.waiting == 0
    with monkeypatch.context() as broken:
        broken.setattr(jobs, "waiting", _gone)
        with pytest.raises(UnavailableError, match="went away"):
            service._adopt()
    service._adopt()
    _reply(service, accepted, _seen(accepted))
    assert _job(service, accepted).state == "done"


@pytest.mark.parametrize(
    "told", [{}, {"error": None}, {"error": None, "sha256": "x"}, {"error": None, "sha256": None}]
)
def test_a_reply_of_a_process_gone_mad_is_a_failure_and_said_so(
    open_service: Callable[..., Service], told: dict[str, Any]
) -> None:
    service = open_service()
    accepted = _send(service, FILM)
    _reply(service, accepted, Seen(told=told, facts={}))
    found = _job(service, accepted)
    assert found.state == "failed"
    assert found.error
    assert found.error.startswith(("Its answer could not be kept", "The film's bytes"))


def test_a_film_that_was_removed_and_comes_again_is_found_out_about_again(
    open_service: Callable[..., Service], set_clock: Clock
) -> None:
    service = open_service(keep_days=30)
    accepted = _send(service, FILM)
    _reply(service, accepted, _seen(accepted, patient_id="P1"))
    set_clock.move(days=40)
    service._steady._began -= 40 * 86400  # forty days have truly passed
    service._forget()
    with service.database.read() as connection:
        gone = films.film_of(connection, accepted.film.id)
    assert gone.removed_at is not None
    assert gone.patient_id is None
    with pytest.raises(RemovedError, match="was deleted on"):
        service.shown(gone)
    again = _send(service, FILM)
    assert not again.new
    _reply(service, again, _seen(again, patient_id="P1"))
    with service.database.read() as connection:
        back = films.film_of(connection, accepted.film.id)
        assert len(answers.answers_of(connection, accepted.film.id)) == 1
    assert (back.removed_at, back.patient_id, back.name) == (None, "P1", "a.png")
    assert check(service.database, service.settings.data) == []


def test_a_clock_that_jumps_a_year_ahead_deletes_nothing(
    open_service: Callable[..., Service], set_clock: Clock
) -> None:
    service = open_service(keep_days=30)
    accepted = _send(service, FILM, key="k")
    _reply(service, accepted, _seen(accepted))
    set_clock.move(days=365)
    service._forget()
    with service.database.read() as connection:
        assert films.film_of(connection, accepted.film.id).removed_at is None


def test_a_clock_that_jumps_back_changes_no_order(
    open_service: Callable[..., Service], set_clock: Clock
) -> None:
    service = open_service()
    first = _send(service, FILM + b"1")
    set_clock.move(days=-10)
    second = _send(service, FILM + b"2")
    assert second.film.seq > first.film.seq
    _reply(service, second, _seen(second))
    assert _job(service, second).state == "done"


def test_one_uid_with_other_pixels_is_marked_and_both_are_kept(
    open_service: Callable[..., Service],
) -> None:
    service = open_service()
    given = [_send(service, FILM + bytes([number])) for number in range(2)]
    pool: Any = service.pool
    for accepted, (_, future) in zip(given, list(pool.asked), strict=True):
        pending = service.pending(accepted.job.id)
        future.set_result(_seen(accepted, sop_uid="1.2.3"))
        assert pending is not None
        pending.result(10)
    with service.database.read() as connection:
        found = [films.film_of(connection, each.film.id).conflict_with for each in given]
    assert found == [None, given[0].film.id]


def test_what_a_service_left_undone_the_next_one_does(open_service: Callable[..., Service]) -> None:
    first = open_service()
    accepted = _send(first, FILM)
    first.close(1)
    second = open_service()
    assert second.waiting == 1
    _reply(second, accepted, _seen(accepted))
    assert _job(second, accepted).state == "done"


@pytest.fixture
def other_bundle(tmp_path: Path) -> Path:
    """A bundle of the same classes with other weights."""
    folder = tmp_path / "other"
    write_bundle(folder, record_of(CLASSES), model_onnx=MULTICLASS.onnx(), weights=b"others")
    return folder


def test_what_was_left_undone_is_done_with_the_bundle_in_use_and_says_so(
    open_service: Callable[..., Service], other_bundle: Path
) -> None:
    first = open_service()
    accepted = _send(first, FILM)
    first.close(1)
    second = open_service(bundle=other_bundle)
    asked = _job(second, accepted)
    assert asked.bundle == second.bundle.id != accepted.job.bundle
    _reply(second, accepted, _seen(Accepted(accepted.film, asked, new=False)))
    with second.database.read() as connection:
        (answer,) = answers.answers_of(connection, accepted.film.id)
    assert answer.bundle == answer.answer["bundle"] == second.bundle.id


def test_what_was_left_undone_ends_where_the_bundle_in_use_has_the_film_already(
    open_service: Callable[..., Service], other_bundle: Path
) -> None:
    first = open_service()
    accepted = _send(first, FILM)
    living = open_service(bundle=other_bundle)
    again = _send(living, FILM)
    first.close(1)
    living._adopt()
    left = _job(living, accepted)
    assert (left.state, left.bundle) == ("failed", accepted.job.bundle)
    assert left.error is not None
    assert "went on with another bundle" in left.error
    assert living.waiting == 1
    _reply(living, again, _seen(again))
    assert _job(living, again).state == "done"


def test_an_answer_of_another_bundle_is_none(open_service: Callable[..., Service]) -> None:
    service = open_service()
    accepted = _send(service, FILM)
    told = _seen(accepted)
    _reply(service, accepted, replace(told, told={**told.told, "bundle": "f" * 64}))
    assert _job(service, accepted).error == (
        "It was read with another bundle than the one that was asked."
    )


def test_the_problems_of_a_service_are_told(open_service: Callable[..., Service]) -> None:
    service = open_service()
    assert service.problems() == []
    pool: Any = service.pool
    pool.problem = "no process can be opened"
    assert service.problems() == ["no process can be opened"]


def test_the_class_that_matters_and_how_common_it_was(open_service: Callable[..., Service]) -> None:
    service = open_service()
    assert service.label == "covid"
    assert service.prevalence("covid") == pytest.approx(1 / 3)
    assert service.prevalence("flu") is None
