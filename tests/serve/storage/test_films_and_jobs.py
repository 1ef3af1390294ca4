"""Films and jobs as rows, idempotency keys, answers, opinions."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from tests.serve.conftest import Clock

from hilum.serve.storage import answers, films, jobs, opinions, requests
from hilum.serve.storage.database import Database
from hilum.serve.storage.errors import ConflictError, NotFoundError
from hilum.serve.storage.films import Film
from hilum.serve.storage.jobs import Job
from hilum.serve.storage.opinions import Opinion

TOLD = {
    "bundle_name": "quick", "accepted": True, "decision": "covid",
    "probabilities": {"normal": 0.2, "covid": 0.8},
}  # fmt: skip


def test_a_film_is_found_by_its_id_and_counted_up(new_film: Callable[..., Film]) -> None:
    first, second = new_film(1), new_film(2)
    assert second.seq > first.seq
    assert first.id != second.id
    assert len(first.id) == 32


def test_the_same_bytes_twice_are_one_film(new_film: Callable[..., Film]) -> None:
    assert new_film(1).id == new_film(1, name="another name.png").id
    assert new_film(1).name == "1.png"


def test_two_uploads_of_one_film_at_the_same_moment_are_one_film(
    database: Database, new_film: Callable[..., Film]
) -> None:
    found: list[str] = []
    gate = threading.Barrier(6)

    def send() -> None:
        gate.wait()
        found.append(new_film(7).id)

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 6
    assert len(set(found)) == 1


def test_an_unknown_film_job_or_answer_is_told(database: Database) -> None:
    with database.read() as connection:
        for ask in (films.film_of, jobs.job_of, answers.answer_of):
            with pytest.raises(NotFoundError, match="There is no such"):
                ask(connection, "f" * 32)


NAMES = ["山田^太郎=ヤマダ^タロウ", "محمد^علي", "O'Brien; DROP TABLE films--", "<img src=x>", "😀"]


@pytest.mark.parametrize("name", NAMES)
def test_names_of_patients_come_back_as_they_were(
    database: Database, new_film: Callable[..., Film], name: str
) -> None:
    film = new_film(1)
    with database.write() as connection:
        films.note_facts(connection, film.id, {"patient_name": name, "height": 5})
        found = films.film_of(connection, film.id)
    assert found.patient_name == name
    assert found.facts == {"height": 5}


def test_what_a_header_claims_is_cut_off_where_a_column_ends(
    database: Database, new_film: Callable[..., Film]
) -> None:
    film = new_film(1)
    claimed = dict.fromkeys(("sop_uid", "patient_name", "study_date", "view"), "1" * 5000)
    with database.write() as connection:
        films.note_facts(connection, film.id, claimed)
        found = films.film_of(connection, film.id)
    kept = (found.sop_uid, found.patient_name, found.study_date, found.view)
    assert [len(each or "") for each in kept] == [128, 256, 16, 32]


def test_priors_are_other_films_of_the_patient_newest_first(
    database: Database, new_film: Callable[..., Film]
) -> None:
    given = [new_film(number) for number in range(4)]
    with database.write() as connection:
        for film, patient, date in zip(
            given, ["A", "A", "A", "B"], ["20200101", "20220101", "20210101", "20200101"],
            strict=True,
        ):  # fmt: skip
            facts = {"patient_id": patient, "study_date": date}
            films.note_facts(connection, film.id, facts)
        last = films.film_of(connection, given[1].id)
        found = films.priors_of(connection, last)
        alone = films.priors_of(connection, films.film_of(connection, given[3].id))
    assert [each.id for each in found] == [given[2].id, given[0].id]
    assert alone == []


def test_a_film_without_a_patient_number_has_no_priors(
    database: Database, new_film: Callable[..., Film]
) -> None:
    first, _ = new_film(1), new_film(2)
    with database.read() as connection:
        assert films.priors_of(connection, first) == []


def test_one_uid_with_other_pixels_names_the_film_that_came_first(
    database: Database, new_film: Callable[..., Film]
) -> None:
    first, second = new_film(1), new_film(2)
    with database.write() as connection:
        films.note_facts(connection, first.id, {"sop_uid": "1.2.3"})
        films.note_facts(connection, second.id, {"sop_uid": "1.2.3"})
        assert films.same_uid(connection, second, "1.2.3") == first.id
        assert films.same_uid(connection, first, "1.2.3") is None
        assert films.same_uid(connection, second, "1.2.4") is None


# Jobs


def test_a_film_is_read_once_with_each_bundle_and_variant(
    new_film: Callable[..., Film], new_job: Callable[..., Job]
) -> None:
    film = new_film(1)
    first = new_job(film)
    struck = [(0.1, 0.1, 0.2, 0.2), (0.5, 0.5, 0.1, 0.1)]
    assert new_job(film).id == first.id
    assert new_job(film, bundle="c" * 64).id != first.id
    again = new_job(film, struck=struck)
    assert again.id != first.id
    assert new_job(film, struck=struck[::-1]).id == again.id


def test_a_job_ends_once_whoever_says_so(
    database: Database, new_film: Callable[..., Film], new_job: Callable[..., Job], set_clock: Clock
) -> None:
    job = new_job(new_film(1))
    with database.write() as connection:
        assert jobs.finish(connection, job.id, now=set_clock())
        assert not jobs.finish(connection, job.id, now=set_clock(), why="too late", deaths=2)
        assert jobs.job_of(connection, job.id).state == "done"
        assert jobs.count_waiting(connection) == 0


def test_jobs_of_the_dead_are_taken_over_and_those_of_the_living_are_not(
    database: Database, new_film: Callable[..., Film], new_job: Callable[..., Job]
) -> None:
    dead, living, mine = "d" * 32, "a" * 32, "m" * 32
    one = new_job(new_film(1), owner=dead)
    two = new_job(new_film(2), owner=living)
    with database.write() as connection:
        assert jobs.has_others(connection, mine)
        found = jobs.adopt(connection, mine, lambda owner: owner == living)
        again = jobs.adopt(connection, mine, lambda owner: owner == living)
        assert [each.id for each in jobs.waiting(connection, mine)] == [one.id]
        assert [each.id for each in jobs.waiting(connection, living)] == [two.id]
        assert jobs.waiting(connection, mine, besides={one.id}) == []
    assert [each.id for each in found] == [one.id]
    assert again == []


def test_a_thousand_jobs_of_the_dead_are_taken_over_in_their_order(
    database: Database, new_film: Callable[..., Film], new_job: Callable[..., Job], set_clock: Clock
) -> None:
    film = new_film(1)
    with database.write() as connection:
        for number in range(1001):
            jobs.add_job(
                connection, film=film, bundle=f"{number:064x}", asked_by="ada",
                owner="d" * 32, now=set_clock(),
            )  # fmt: skip
        found = jobs.adopt(connection, "m" * 32, lambda _: False)
    assert [int(each.bundle, 16) for each in found] == list(range(1001))


# Idempotency keys


def test_a_key_may_be_used_again_for_the_same_film_only(
    database: Database, set_clock: Clock
) -> None:
    given = {"who": "ada", "key": "k", "film": "f" * 32, "now": set_clock()}
    with database.write() as connection:
        requests.remember_request(connection, digest="a" * 64, **given)
        requests.remember_request(connection, digest="a" * 64, **given)
        requests.remember_request(connection, digest="b" * 64, **{**given, "who": "ben"})
        with pytest.raises(ConflictError, match="used with another film"):
            requests.remember_request(connection, digest="b" * 64, **given)


def test_old_keys_are_forgotten(database: Database, set_clock: Clock) -> None:
    given = {"who": "ada", "digest": "a" * 64, "film": "f" * 32}
    with database.write() as connection:
        requests.remember_request(connection, key="old", now=set_clock(), **given)
        requests.remember_request(
            connection, key="new", now=set_clock() + timedelta(days=3), **given
        )
        before = set_clock() + timedelta(days=1)
        assert requests.forget_requests(connection, before=before) == 1
        assert requests.forget_requests(connection, before=before) == 0


# Answers


def _answered(database: Database, job: Job, clock: Clock, **changes: Any) -> str:
    maps = np.arange(8, dtype=np.float32).reshape(2, 2, 2)
    with database.write() as connection:
        return answers.add_answer(
            connection, job, {**TOLD, **changes}, cams=maps, region=(0, 0, 1, 0.5), now=clock()
        ).id


def test_an_answer_comes_back_with_its_maps(
    database: Database, new_film: Callable[..., Film], new_job: Callable[..., Job], set_clock: Clock
) -> None:
    job = new_job(new_film(1))
    name = _answered(database, job, set_clock)
    with database.read() as connection:
        [found] = answers.answers_of(connection, job.film)
        maps = answers.cams_of(connection, name)
    assert found.id == name
    assert found.region == (0, 0, 1, 0.5)
    assert found.decision == "covid"
    assert maps is not None
    assert maps.tolist() == [[[0, 1], [2, 3]], [[4, 5], [6, 7]]]


def test_an_answer_never_changes(
    database: Database, new_film: Callable[..., Film], new_job: Callable[..., Job], set_clock: Clock
) -> None:
    job = new_job(new_film(1))
    first = _answered(database, job, set_clock)
    assert _answered(database, job, set_clock, decision="normal") == first
    with database.read() as connection:
        assert answers.answer_of(connection, first).decision == "covid"


def test_a_float_comes_back_to_the_last_bit(
    database: Database, new_film: Callable[..., Film], new_job: Callable[..., Job], set_clock: Clock
) -> None:
    value = math.nextafter(0.3, 1)
    told = {"probabilities": {"normal": 1 - value, "covid": value}}
    name = _answered(database, new_job(new_film(1)), set_clock, **told)
    with database.read() as connection:
        assert answers.answer_of(connection, name).answer["probabilities"]["covid"] == value


# Opinions


def _said(film: Film, reader: str, clock: Clock, verdict: str = "agree", **more: Any) -> Opinion:
    given = {"place": 1, "bundle": "b" * 64, "at": clock(), **more}
    return Opinion(film=film.id, reader=reader, verdict=verdict, **given)


def test_of_each_reader_the_last_opinion_counts_and_the_first_stays(
    database: Database, new_film: Callable[..., Film], set_clock: Clock
) -> None:
    film = new_film(1)
    with database.write() as connection:
        for verdict in ("agree", "disagree"):
            opinions.add_opinion(connection, _said(film, "ada", set_clock, verdict))
        opinions.add_opinion(connection, _said(film, "ben", set_clock))
        last = opinions.last_opinions(connection)
        said = opinions.opinions_of(connection, film.id, reader="ada")
    assert [(each.reader, each.verdict) for each in last] == [("ada", "disagree"), ("ben", "agree")]
    assert [each.verdict for each in said] == ["agree", "disagree"]


def test_readers_disagree_with_the_bundle_or_with_each_other(
    new_film: Callable[..., Film], set_clock: Clock
) -> None:
    agreed, other, split = new_film(1), new_film(2), new_film(3)
    given = [
        _said(agreed, "ada", set_clock, label="covid"),
        _said(agreed, "ben", set_clock, label="covid"),
        _said(other, "ada", set_clock, "other"),
        _said(split, "ada", set_clock, label="covid"),
        _said(split, "ben", set_clock, label="normal"),
    ]
    assert set(opinions.disagreements(given)) == {other.id, split.id}
