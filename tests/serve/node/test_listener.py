"""What the node answers to peers that mean well."""

from __future__ import annotations

import json
import socket
import threading

import pytest
from pydicom import dcmread

from hilum.errors import ConfigError
from hilum.serve.node.seams import Outcome
from hilum.serve.node.settings import Destination, NodeSettings, WebDestination

pytest.importorskip("pynetdicom")

DX = "1.2.840.10008.5.1.4.1.1.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
SR = "1.2.840.10008.5.1.4.1.1.88.34"
RETIRED_US = "1.2.840.10008.5.1.4.1.1.6"
PRIVATE = "1.2.276.0.99.1"


def test_echo_is_answered(listen, connect) -> None:
    assert connect(listen()).send_c_echo().Status == 0x0000


@pytest.mark.parametrize("titles", [{"title": "STRANGER"}, {"called": "OTHER"}])
def test_unknown_titles_are_rejected(listen, connect, titles) -> None:
    association = connect(listen(), **titles)
    assert association.is_rejected


def test_anyone_is_let_in_only_if_asked_for_and_that_is_said_loudly(
    listen, connect, caplog
) -> None:
    association = connect(listen(callers=(), any_caller=True), title="STRANGER")
    assert association.is_established
    assert "ANY AE TITLE MAY SEND" in caplog.text


def test_a_stored_object_is_what_was_sent_behind_an_empty_preamble(
    listen, connect, store, make_film, raw
) -> None:
    film = make_film()
    assert connect(listen()).send_c_store(film).Status == 0x0000
    kept = (store.films / "1.2.3.4.dcm").read_bytes()
    assert kept[:132] == b"\0" * 128 + b"DICM"
    assert kept.endswith(raw.encoded(film))
    assert dcmread(store.films / "1.2.3.4.dcm") == film
    record = store.record("1.2.3.4")
    assert (record["calling"], record["peer"], record["kind"], record["study_uid"]) == (
        "SENDER", "127.0.0.1", "CANDIDATE", "1.2.3")  # fmt: skip
    assert record["size"] == len(kept)


def test_the_same_object_again_is_success_and_kept_once(listen, connect, store, make_film) -> None:
    association = connect(listen())
    assert [association.send_c_store(make_film()).Status for _ in range(2)] == [0, 0]
    assert len(list(store.films.glob("*.dcm"))) == 1
    assert store.conflicts == []


def test_other_pixels_under_a_known_uid_are_refused_and_flagged(
    listen, connect, store, make_film
) -> None:
    association = connect(listen())
    first = make_film(seed=1)
    association.send_c_store(first)
    assert association.send_c_store(make_film(seed=2)).Status == 0x0111
    assert dcmread(store.films / "1.2.3.4.dcm").PixelData == first.PixelData
    assert len(store.conflicts) == 1


@pytest.mark.parametrize("outcome", [Outcome.NO_SPACE, Outcome.UNAVAILABLE])
def test_a_storage_that_cannot_keep_is_told_as_a_lack_of_resources(
    listen, connect, store, make_film, outcome
) -> None:
    listener = listen()
    store.answer = outcome
    assert connect(listener).send_c_store(make_film()).Status == 0xA700
    store.answer = None
    assert connect(listener).send_c_store(make_film()).Status == 0x0000


def test_a_storage_that_fails_is_no_success(listen, connect, store, make_film) -> None:
    listener = listen()
    store.films.rename(store.films.with_name("gone"))
    assert connect(listener).send_c_store(make_film()).Status == 0xA700


def test_a_disk_that_runs_low_takes_nothing(listen, connect, store, make_film) -> None:
    listener = listen(free_disk_bytes=2**62)
    assert connect(listener).send_c_store(make_film()).Status == 0xA700
    assert list(store.films.iterdir()) == []


def test_every_storage_class_is_accepted_vendors_and_retired_ones_too(
    listen, connect, store, make_film
) -> None:
    classes = (DX, CT, SR, RETIRED_US, PRIVATE)
    association = connect(listen(), *classes)
    for number, sop_class in enumerate(classes):
        film = make_film(f"1.2.3.{number}", sop_class=sop_class)
        assert association.send_c_store(film).Status == 0x0000, sop_class
    kinds = [store.record(f"1.2.3.{number}")["kind"] for number in range(5)]
    assert kinds == ["CANDIDATE", "ASIDE", "ASIDE", "ASIDE", "ASIDE"]


def test_queries_are_not_agreed_to(listen, connect) -> None:
    association = connect(listen(), DX, "1.2.840.10008.5.1.4.1.2.2.1")
    assert [c.abstract_syntax for c in association.accepted_contexts] == [DX]


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95"])
def test_deflated_data_is_not_agreed_to(listen, connect, syntax) -> None:
    association = connect(listen(), DX, "1.2.840.10008.1.1", syntaxes=syntax)
    assert not association.is_established or not association.accepted_contexts


@pytest.mark.parametrize("end", ["50", "70", "80", "90", "91", "201"])
def test_compressed_data_is_agreed_to(listen, connect, end) -> None:
    association = connect(listen(), DX, syntaxes=f"1.2.840.10008.1.2.4.{end}")
    assert len(association.accepted_contexts) == 1


def test_where_the_node_may_choose_no_pixel_is_lost(listen, connect) -> None:
    offered = ["1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.4.70"]
    association = connect(listen(), DX, syntaxes=offered)
    assert association.accepted_contexts[0].transfer_syntax == ["1.2.840.10008.1.2.4.70"]


@pytest.mark.parametrize(
    ("charset", "name"),
    [("ISO_IR 192", "山田^太郎=山田^太郎=やまだ^たろう"), ("ISO_IR 127", "قباني^لنزار"),
     (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう")],
)  # fmt: skip
def test_names_in_japanese_and_arabic_arrive_as_they_are(
    listen, connect, *, store, make_film, charset, name
) -> None:
    film = make_film(SpecificCharacterSet=charset, PatientName=name)
    assert connect(listen()).send_c_store(film).Status == 0x0000
    assert dcmread(store.films / "1.2.3.4.dcm").PatientName == name


def test_a_study_of_forty_objects_arrives_whole(listen, connect, store, make_film) -> None:
    classes = (DX, CT, SR, PRIVATE)
    association = connect(listen(), *classes)
    for number in range(40):
        film = make_film(f"1.2.3.{number}", sop_class=classes[number % 4], side=32)
        assert association.send_c_store(film).Status == 0x0000
    kinds = [json.loads(path.read_text())["kind"] for path in store.films.glob("*.json")]
    assert (kinds.count("CANDIDATE"), kinds.count("ASIDE")) == (10, 30)


def test_a_stopped_node_lets_a_transfer_end_and_nobody_in(listen, connect, make_film) -> None:
    listener = listen()
    association = connect(listener)
    address = listener.address
    stopping = threading.Thread(target=listener.stop)
    stopping.start()
    assert association.send_c_store(make_film()).Status == 0x0000
    association.release()
    stopping.join(10)
    assert not stopping.is_alive()
    with pytest.raises(OSError, match="refused"), socket.create_connection(address, 1):
        pass


def test_settings_tell_all_that_is_wrong_at_once(tmp_path) -> None:
    with pytest.raises(ConfigError, match="callers is empty") as caught:
        NodeSettings(
            arrivals=tmp_path, title="A TITLE THAT IS TOO LONG", port=70000, acse_timeout_s=60,
            destinations={"web": WebDestination(url="ftp://x")},
            peers=(Destination(title="P\\Q", host="", port=0),), connections=0, retry_age_s=0,
        )  # fmt: skip
    assert len(caught.value.problems) == 10


def test_secrets_of_destinations_are_not_printed() -> None:
    shown = repr(WebDestination(url="https://pacs.example/dicom-web", password="hush", token="tok"))
    assert "hush" not in shown
    assert "tok'" not in shown
