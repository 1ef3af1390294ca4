from __future__ import annotations

import threading

import pytest
from argon2 import PasswordHasher, extract_parameters

from hilum.errors import ConfigError
from hilum.serve.access.errors import BusyError
from hilum.serve.access.passwords import Passwords, check_password


def test_passwords_are_kept_as_argon2id_with_64_mib_and_3_passes() -> None:
    kept = Passwords().hashed("quiet river stone lamp")
    parameters = extract_parameters(kept)
    assert kept.startswith("$argon2id$")
    assert (parameters.memory_cost, parameters.time_cost) == (65_536, 3)
    assert "river" not in kept


def test_the_right_password_fits_and_no_other(passwords: Passwords) -> None:
    kept = passwords.hashed("quiet river stone lamp")
    assert passwords.fits(kept, "quiet river stone lamp")
    assert not passwords.fits(kept, "quiet river stone lamP")
    assert not passwords.fits(kept, "")


def test_one_password_hashes_differently_each_time(passwords: Passwords) -> None:
    assert passwords.hashed("quiet river stone") != passwords.hashed("quiet river stone")


def test_two_keyboards_spellings_of_one_password_fit(passwords: Passwords) -> None:
    kept = passwords.hashed("stra\u00dfe k\u00f6rner 12")
    assert passwords.fits(kept, "stra\u00dfe ko\u0308rner 12")


class Counted(PasswordHasher):
    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=64, parallelism=1)
        self.verified: list[str] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # noqa: A002
        self.verified.append(str(hash))
        return super().verify(hash, password)


@pytest.mark.parametrize("typed", ["quiet river stone lamp", "", "x" * 100_000])
def test_an_unknown_name_costs_one_verification_of_the_same_cost(typed: str) -> None:
    counted = Counted()
    passwords = Passwords(counted)
    known = passwords.hashed("something else entirely")
    assert not passwords.fits(None, typed)
    assert not passwords.fits(known, typed)
    assert len(counted.verified) == 2
    costs = [extract_parameters(each) for each in counted.verified]
    assert costs[0] == costs[1]


def test_the_dummy_s_own_password_lets_nobody_in(passwords: Passwords) -> None:
    assert not passwords.fits(None, "nobody's password")


def test_a_damaged_hash_lets_nobody_in(passwords: Passwords) -> None:
    assert not passwords.fits("not a hash", "quiet river stone lamp")


def test_a_hash_of_other_parameters_is_outdated(passwords: Passwords) -> None:
    kept = passwords.hashed("quiet river stone lamp")
    assert not passwords.is_outdated(kept)
    assert Passwords().is_outdated(kept)


def test_no_more_passwords_are_checked_at_once_than_memory_allows() -> None:
    inside, most, gate = 0, 0, threading.Event()
    lock = threading.Lock()

    class Slow(PasswordHasher):
        def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
            nonlocal inside, most
            with lock:
                inside += 1
                most = max(most, inside)
            gate.wait(5)
            with lock:
                inside -= 1
            return "hash"

    passwords, refused = Passwords(Slow()), []

    def work() -> None:
        try:
            passwords.hashed("x")
        except BusyError as error:
            refused.append(error.status)
            if len(refused) == 10:
                gate.set()

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 2
    assert refused == [503] * 10


@pytest.mark.parametrize("length", [0, 11, 129, 100_000])
def test_a_short_or_endless_password_is_refused(length: int) -> None:
    with pytest.raises(ConfigError, match=f"12 to 128 characters; got {length}"):
        check_password("k" * length, "anna")


@pytest.mark.parametrize("password", ["aaaaaaaaaaaa", "abcabcabcabc", "!?!?!?!?!?!?", " " * 12])
def test_a_password_that_repeats_itself_is_refused(password: str) -> None:
    with pytest.raises(ConfigError, match="repeats itself"):
        check_password(password, "anna")


@pytest.mark.parametrize(
    "password",
    [
        "password1234", "Password-2026!", "123456789012", "qwertyuiop12", "qwertyasdfgh",
        "1q2w3e4r5t6y", "Administrator", "radiology2026", "abcdefghijkl", "letmeinletmein1",
        "annakoerner1", "Anna Koerner!", "hilumhilum12", "9876543210987",
    ],
)  # fmt: skip
def test_what_anyone_would_try_first_is_refused(password: str) -> None:
    with pytest.raises(ConfigError, match="among the first that anyone would try") as caught:
        check_password(password, "anna koerner")
    assert password not in str(caught.value)


@pytest.mark.parametrize(
    "password",
    ["quiet river stone lamp", "314159265358", "wörter ohne regeln", "静かな川の石の灯りと朝の光",
     "tgWq8!xkPz0R", "passwords are a bore"],
)  # fmt: skip
def test_no_rule_says_which_characters_a_password_must_have(password: str) -> None:
    check_password(password, "anna")
