"""What the node hands over is kept, read, answered, and queued for every destination."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

pytest.importorskip("pynetdicom")
pytest.importorskip("highdicom")

from tests.serve.conftest import Clock

from hilum.errors import ConfigError
from hilum.serve.node.seams import Kind, Outcome, ReceivedObject
from hilum.serve.node.settings import Destination, WebDestination
from hilum.serve.pacs import KeptFilms, KeptOutbox, queue_again
from hilum.serve.run_node import destination, node_settings
from hilum.serve.service import Service
from hilum.serve.settings import ServeSettings
from hilum.serve.storage import audit, backup
from hilum.serve.storage.errors import UnavailableError
from hilum.serve.storage.objects import remove_old_objects
from hilum.serve.storage.retention import remove_orphans
from hilum.serve.storage.tables import deliveries, films, received

PLACES = ("ORTHANC@127.0.0.1:4242", "https://pacs.example/dicom-web")


@pytest.fixture
def service(tmp_path: Path, quick_bundle: Path, set_clock: Clock) -> Iterator[Service]:
    settings = ServeSettings(
        data=tmp_path / "data", bundle=quick_bundle, workers=1, reserve_bytes=0
    )
    made = Service(settings, clock=set_clock)
    yield made
    made.close()


@pytest.fixture
def kept(service: Service) -> KeptFilms:
    return KeptFilms(service, PLACES)


@pytest.fixture
def arrive(
    service: Service, kept: KeptFilms, film_of: Callable[[float], bytes]
) -> Callable[..., Outcome]:
    """A function that hands over an object, as the listener does."""

    def hand_over(number: float = 0, **changes: Any) -> Outcome:
        content = film_of(number)
        part = service.owner.incoming / f"{number}.part"
        part.write_bytes(content)
        facts: dict[str, Any] = {
            "sop_class": "1.2.840.10008.5.1.4.1.1.1.1", "sop_uid": f"1.2.{number}",
            "study_uid": "1.2", "series_uid": "1.2.3", "transfer_syntax": "1.2.840.10008.1.2.1",
            "calling": "PACS", "peer": "10.0.0.7", "kind": Kind.CANDIDATE, "size": len(content),
            "sha256": f"{int(number * 100):064x}",
        }  # fmt: skip
        try:
            return kept.receive(part, ReceivedObject(**{**facts, **changes}))
        finally:
            part.unlink(missing_ok=True)

    return hand_over


def read(service: Service) -> None:
    """Wait until everything that waits was read."""
    for job in list(service._pending):
        if (ends := service.pending(job)) is not None:
            ends.result(60)


def column(service: Service, asked: Any) -> list[Any]:
    with service.database.read() as connection:
        return list(connection.execute(asked).scalars())


def test_a_film_is_kept_read_and_named_in_the_audit_trail(
    service: Service, arrive: Callable[..., Outcome]
) -> None:
    assert arrive(1) is Outcome.STORED
    read(service)
    with service.database.read() as connection:
        film = connection.execute(select(films)).mappings().one()
        told = audit.last(connection, 5)
    assert (film["source"], film["sent_by"]) == ("dicom", "AE PACS")
    assert [each["action"] for each in told] == ["send object", "read film"]


def test_the_same_object_twice_is_welcome_and_one_film(
    service: Service, arrive: Callable[..., Outcome]
) -> None:
    assert [arrive(1), arrive(1)] == [Outcome.STORED, Outcome.DUPLICATE]
    assert len(column(service, select(films.c.id))) == 1


def test_one_uid_with_other_pixels_keeps_the_first_and_is_flagged_once(
    service: Service, kept: KeptFilms, arrive: Callable[..., Outcome]
) -> None:
    arrive(1)
    again = [arrive(2, sop_uid="1.2.1") for _ in range(2)]
    assert again == [Outcome.CONFLICT, Outcome.CONFLICT]
    assert column(service, select(received.c.conflict)) == [False, True]
    assert len(column(service, select(films.c.id))) == 1
    assert kept.holds(["1.2.1", "1.2.9"]) == {"1.2.1"}


def test_an_object_that_is_no_film_is_kept_aside_and_survives_the_sweep(
    service: Service, kept: KeptFilms, arrive: Callable[..., Outcome]
) -> None:
    assert arrive(3, kind=Kind.ASIDE) is Outcome.STORED
    assert column(service, select(films.c.id)) == []
    assert remove_orphans(service.database, service.blobs) == 0
    assert kept.holds(["1.2.3"]) == {"1.2.3"}
    assert backup.check(service.database, service.settings.data) == []


def test_a_full_disk_takes_nothing(
    service: Service, arrive: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.blobs, "_reserve", 2**62)
    assert arrive(1) is Outcome.NO_SPACE
    assert column(service, select(received.c.id)) == []


def test_a_database_that_is_away_takes_nothing(
    service: Service, arrive: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise UnavailableError("it does not answer")

    with monkeypatch.context() as broken:
        broken.setattr(service.database, "write", away)
        assert arrive(1) is Outcome.UNAVAILABLE
    assert column(service, select(received.c.id)) == []


def queued(service: Service, kept: KeptFilms, tmp_path: Path) -> KeptOutbox:
    """Make results of what was answered, as the desk does."""
    from hilum.serve.node.seams import ResultFile

    (film,) = kept.waiting(8)
    reading = kept.read(film.path)
    assert reading.screening.sha256 == film.path.name
    report = tmp_path / "report.dcm"
    report.write_bytes(b"a report")
    kept.answered(film, reading, [ResultFile(kind="sr", sop_uid="2.25.1", path=report)])
    report.unlink()
    return KeptOutbox(service)


def test_an_answer_goes_to_every_destination_and_is_not_made_again(
    service: Service, kept: KeptFilms, arrive: Callable[..., Outcome], tmp_path: Path
) -> None:
    arrive(1)
    read(service)
    outbox = queued(service, kept, tmp_path)
    due = outbox.due(service.clock(), 8)
    assert [each.destination for each in due] == list(PLACES)
    assert [path.read_bytes() for each in due for path in each.paths] == [b"a report"] * 2
    assert kept.waiting(8) == []
    assert remove_orphans(service.database, service.blobs) == 0


def test_an_answer_comes_back_from_storage_with_its_overlay(
    service: Service, kept: KeptFilms, arrive: Callable[..., Outcome]
) -> None:
    arrive(1)
    read(service)
    (film,) = kept.waiting(8)
    reading = kept.read(film.path)
    assert reading.overlay is not None
    assert reading.overlay.shape[2] == 3
    assert reading.overlay_class == reading.screening.decision
    assert sum((reading.screening.probabilities or {}).values()) == pytest.approx(1)


def test_deliveries_wait_are_sent_are_given_up_and_queued_again(
    service: Service, kept: KeptFilms, arrive: Callable[..., Outcome], tmp_path: Path,
    set_clock: Clock,
) -> None:  # fmt: skip
    arrive(1)
    read(service)
    outbox = queued(service, kept, tmp_path)
    first, second = outbox.due(service.clock(), 8)
    outbox.sent(first.id)
    outbox.failed(second.id, "it does not answer", service.clock() + timedelta(seconds=30))
    assert outbox.due(service.clock(), 8) == []
    set_clock.move(seconds=31)
    (tried,) = outbox.due(service.clock(), 8)
    assert (tried.id, tried.attempts) == (second.id, 1)
    outbox.dead(second.id, "it never answered")
    assert outbox.due(service.clock(), 8) == []
    assert queue_again(service.database, who="ada", now=service.clock()) == 1
    assert [each.id for each in outbox.due(service.clock(), 8)] == [second.id]


def test_an_answer_of_which_no_result_can_be_made_is_not_tried_for_ever(
    service: Service, kept: KeptFilms, arrive: Callable[..., Outcome]
) -> None:
    arrive(1)
    read(service)
    (film,) = kept.waiting(8)
    kept.failed(film, "it has no study")
    assert kept.waiting(8) == []
    assert queue_again(service.database, who="ada", now=service.clock()) == 0
    assert column(service, select(deliveries.c.problem)) == ["it has no study"]


def test_old_objects_go_but_for_results_that_wait(
    service: Service, kept: KeptFilms, arrive: Callable[..., Outcome], tmp_path: Path,
    set_clock: Clock,
) -> None:  # fmt: skip
    arrive(3, kind=Kind.ASIDE)
    arrive(1)
    read(service)
    outbox = queued(service, kept, tmp_path)
    set_clock.move(days=40)
    now = service.clock()

    def old() -> int:
        before = now - timedelta(days=30)
        return remove_old_objects(service.database, service.blobs, before=before, now=now)

    assert old() == 1
    assert kept.holds(["1.2.3"]) == set()
    for delivery in outbox.due(now, 8):
        outbox.sent(delivery.id)
    assert old() == 1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("PACS@10.0.0.7:104", Destination(title="PACS", host="10.0.0.7", port=104)),
        ("PACS@[::1]:104", Destination(title="PACS", host="::1", port=104)),
        ("https://pacs.example/dicom-web", WebDestination(url="https://pacs.example/dicom-web")),
    ],
)
def test_a_destination_is_read_as_people_write_it(text: str, found: object) -> None:
    assert destination(text) == found


@pytest.mark.parametrize("text", ["PACS", "PACS@host", "@host:104", "PACS@ho st:104", "ftp://x"])
def test_another_destination_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="Expected AET@HOST:PORT"):
        destination(text)


def test_reports_go_to_nodes_only(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Reports go to DICOM nodes"):
        node_settings(
            ServeSettings(data=tmp_path), title="HILUM", host="127.0.0.1", port=0,
            callers=["PACS"], any_caller=False, forward=[], peers=["https://pacs.example"],
        )  # fmt: skip


def test_a_node_that_nobody_may_send_to_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="callers is empty"):
        node_settings(
            ServeSettings(data=tmp_path), title="HILUM", host="127.0.0.1", port=0, callers=[],
            any_caller=False, forward=[], peers=[],
        )  # fmt: skip
