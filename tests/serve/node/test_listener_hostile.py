"""What peers do that do not mean well, or cannot help it."""

from __future__ import annotations

import socket
import struct
import time
from pathlib import Path

import pytest

pytest.importorskip("pynetdicom")

DX = "1.2.840.10008.5.1.4.1.1.1.1"


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def is_closed(peer: socket.socket) -> bool:
    try:
        peer.settimeout(5)
        while peer.recv(4096):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


@pytest.mark.parametrize("kind", [1, 4, 7])
@pytest.mark.parametrize("claim", [2**32 - 1, 300 * 2**20, 2**20 + 1])
def test_a_claim_of_too_large_a_unit_ends_the_connection(listen, kind, claim) -> None:
    with socket.create_connection(listen().address) as peer:
        peer.sendall(struct.pack(">BBL", kind, 0, claim))
        start = time.monotonic()
        assert is_closed(peer)
        assert time.monotonic() - start < 3


def test_300_mib_sent_as_one_unit_cost_no_memory(listen, connect, raw) -> None:
    listener = listen()
    association = connect(listener)
    peer = raw.connection(association)
    before, block, sent = resident_bytes(), b"\0" * 2**16, 0
    try:
        peer.sendall(struct.pack(">BBL", 4, 0, 300 * 2**20))
        for _ in range(300 * 16):
            peer.sendall(block)
            sent += len(block)
    except OSError:
        pass
    assert sent < 32 * 2**20
    assert resident_bytes() - before < 24 * 2**20
    assert connect(listener).send_c_echo().Status == 0


def test_silent_connections_are_closed_and_others_served_meanwhile(listen, connect) -> None:
    listener = listen(acse_timeout_s=1.0, connections_per_address=20)
    silent = [socket.create_connection(listener.address) for _ in range(12)]
    assert connect(listener).send_c_echo().Status == 0
    assert all(map(is_closed, silent))
    for peer in silent:
        peer.close()


def test_a_unit_that_does_not_end_is_not_waited_for(listen) -> None:
    with socket.create_connection(listen(acse_timeout_s=0.5).address) as peer:
        peer.sendall(struct.pack(">BBL", 1, 0, 200) + b"\0" * 20)
        start = time.monotonic()
        assert is_closed(peer)
        assert time.monotonic() - start < 4


def test_one_address_cannot_take_every_connection(listen, connect) -> None:
    listener = listen(connections_per_address=3)
    peers = [socket.create_connection(listener.address) for _ in range(3)]
    with socket.create_connection(listener.address) as fourth:
        assert is_closed(fourth)
    for peer in peers:
        peer.close()
    time.sleep(0.5)
    assert connect(listener).is_established


@pytest.mark.parametrize("junk", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00" * 20,
                                  struct.pack(">BBL", 1, 0, 80) + b"\xff" * 80,
                                  struct.pack(">BBL", 4, 0, 4) + b"\0\0\0\0"])  # fmt: skip
def test_junk_ends_its_own_connection_only(listen, connect, junk) -> None:
    listener = listen(acse_timeout_s=1.0)
    with socket.create_connection(listener.address) as peer:
        peer.sendall(junk)
        assert is_closed(peer)
    assert connect(listener).send_c_echo().Status == 0


def test_an_object_cut_off_leaves_nothing(
    listen, connect, *, raw, make_film, store, tmp_path, wait_until
) -> None:
    listener = listen()
    association = connect(listener)
    sent = raw.units(association, raw.encoded(make_film(side=256)), DX, "1.2.3.4")
    peer = raw.connection(association)
    for unit in sent[:-3]:
        peer.sendall(unit)
    arrivals = tmp_path / "store" / "arrivals"
    assert wait_until(lambda: len(list(arrivals.iterdir())) == 1)
    peer.shutdown(socket.SHUT_RDWR)
    assert wait_until(lambda: not list(arrivals.iterdir()))
    assert list(store.films.iterdir()) == []


def test_an_object_that_stops_half_way_is_dropped_after_the_time_for_silence(
    listen, connect, *, raw, make_film, tmp_path, wait_until
) -> None:
    listener = listen(network_timeout_s=1.0)
    association = connect(listener)
    sent = raw.units(association, raw.encoded(make_film(side=256)), DX, "1.2.3.4")
    raw.connection(association).sendall(b"".join(sent[:5]) + sent[5][:100])
    arrivals = tmp_path / "store" / "arrivals"
    assert wait_until(lambda: len(list(arrivals.iterdir())) == 1)
    assert wait_until(lambda: not list(arrivals.iterdir()), 8)


def test_too_large_an_object_is_counted_while_it_arrives_and_refused(
    listen, connect, make_film, tmp_path
) -> None:
    association = connect(listen(max_object_bytes=2**20))
    assert association.send_c_store(make_film(side=1024)).Status == 0xC001
    assert list((tmp_path / "store" / "arrivals").iterdir()) == []
    assert association.send_c_store(make_film(side=256)).Status == 0x0000


def test_an_object_without_end_is_cut_off(listen, connect, raw, make_film) -> None:
    listener = listen(max_object_bytes=2**18)
    association = connect(listener)
    assert raw.store(association, bytes(2**21), DX, "1.2.3.4") is None
    assert connect(listener).send_c_echo().Status == 0


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
@pytest.mark.parametrize(
    "uid", ["../../x", "/etc/passwd", "..\\..\\x", "1.2.3\n4", "CON", "1.2;rm"]
)
def test_uids_that_are_paths_reach_no_path(
    listen, connect, *, raw, make_film, tmp_path, uid
) -> None:
    association = connect(listen())
    before = sorted(tmp_path.rglob("*"))
    film = make_film()
    assert raw.store(association, raw.encoded(film), DX, uid) == 0x0117
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("values", "status"),
    [({"SOPInstanceUID": "9.9"}, 0xA900), ({"SOPClassUID": "9.9"}, 0xA900),
     ({"StudyInstanceUID": "../x"}, 0xC000), ({"SeriesInstanceUID": ""}, 0xC000)],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
def test_data_that_contradict_the_command_are_refused(
    listen, connect, *, raw, make_film, store, values, status
) -> None:
    association = connect(listen())
    film = make_film(**values)
    assert raw.store(association, raw.encoded(film), DX, "1.2.3.4") == status
    assert list(store.films.iterdir()) == []


@pytest.mark.parametrize("data", [b"\xff" * 4000, b"\x08\x00\x16\x00UI\xff\xff1.2", b"\0" * 10])
def test_damaged_data_are_refused_and_the_association_goes_on(
    listen, connect, raw, make_film, data
) -> None:
    association = connect(listen())
    assert raw.store(association, data, DX, "1.2.3.4") in (0xA900, 0xC000)
    assert association.send_c_store(make_film()).Status == 0


def test_a_length_field_is_not_believed(listen, connect, raw, make_film) -> None:
    association = connect(listen())
    film = raw.encoded(make_film())
    claim = film[:8] + b"\x08\x00\x18\x00UN\0\0\xf0\xff\xff\xff" + film[8:]
    before = resident_bytes()
    assert raw.store(association, claim, DX, "1.2.3.4") in (0xA900, 0xC000)
    assert resident_bytes() - before < 24 * 2**20


def test_messages_sent_without_waiting_end_the_association(
    listen, connect, raw, make_film, store
) -> None:
    listener = listen()
    association = connect(listener)
    one = b"".join(raw.units(association, raw.encoded(make_film(side=8)), DX, "1.2.3.4"))
    peer = raw.connection(association)
    try:
        for _ in range(3000):
            peer.sendall(one)
    except OSError:
        pass
    assert is_closed(peer)
    assert connect(listener).send_c_echo().Status == 0


def test_a_command_without_end_is_not_collected(listen, connect, raw) -> None:
    listener = listen()
    association = connect(listener)
    peer = raw.connection(association)
    context = raw.context_of(association, DX)
    body = struct.pack(">LBB", 8194, context, 1) + b"\0" * 8192
    before = resident_bytes()
    try:
        for _ in range(4000):
            peer.sendall(struct.pack(">BBL", 4, 0, len(body)) + body)
    except OSError:
        pass
    assert is_closed(peer)
    assert resident_bytes() - before < 24 * 2**20


def test_what_a_killed_node_left_is_removed_at_the_start(listen, tmp_path) -> None:
    arrivals = tmp_path / "store" / "arrivals"
    arrivals.mkdir(parents=True, exist_ok=True)
    (arrivals / "0123.part").write_bytes(b"half")
    (arrivals / "note.txt").write_text("somebody else's")
    listen()
    assert [path.name for path in arrivals.iterdir()] == ["note.txt"]
