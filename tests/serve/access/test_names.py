from __future__ import annotations

import pytest

from hilum.errors import ConfigError
from hilum.serve.access.names import checked_name, folded, for_log


@pytest.mark.parametrize(
    ("one", "other"),
    [("Anna", "ANNA"), ("\uff21nna", "anna"), ("Körner", "KO\u0308RNER"), ("Weiß", "WEISS")],
)
def test_two_spellings_of_a_name_are_one(one: str, other: str) -> None:
    assert folded(one) == folded(other)


@pytest.mark.parametrize("name", ["山田 太郎", "د. سارة", "O'Brien", "a.b-c_d@hospital", "Ünal"])
def test_names_of_any_script_are_taken_as_they_are(name: str) -> None:
    kept, shown = checked_name(name)
    assert shown == name
    assert kept == folded(name)


@pytest.mark.parametrize(
    "name",
    ["", "   ", "a\nb", "a\x00b", "token:x", "a\u202eb", "a\u200bb", "a/b", "<b>", "a  b"],
)
def test_what_no_name_holds_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="This cannot be a name"):
        checked_name(name)


def test_a_name_that_the_audit_trail_gives_to_no_person_is_refused() -> None:
    with pytest.raises(ConfigError, match="'local' is reserved"):
        checked_name("LOCAL")


def test_a_name_that_grows_long_by_folding_is_refused() -> None:
    with pytest.raises(ConfigError, match="expected 1 to 64 characters"):
        checked_name("\ufdfa" * 20)  # one ligature that NFKC writes as 18 letters


def test_a_log_line_stays_one_line_whatever_was_sent() -> None:
    hostile = "eve\r\n2026 INFO admin logged in\x1b[31m\u2028" + "x" * 10_000
    written = for_log(hostile)
    assert written.isprintable()
    assert len(written.splitlines()) == 1
    assert len(written) < 200
