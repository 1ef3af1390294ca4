"""UIDs of our own, and what counts as one."""

from __future__ import annotations

import pytest

from hilum.serve.node.own import kind_of
from hilum.serve.node.seams import Kind
from hilum.serve.node.uids import derive_uid, is_our_uid, is_valid_uid

SR, SC = "1.2.840.10008.5.1.4.1.1.88.34", "1.2.840.10008.5.1.4.1.1.7"
CR, DX = "1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1"
FOR_PROCESSING, CT = "1.2.840.10008.5.1.4.1.1.1.1.1", "1.2.840.10008.5.1.4.1.1.2"


def test_derived_uids_are_valid_ours_and_all_different() -> None:
    made = {derive_uid("1.2.3", str(number)) for number in range(2000)}
    assert len(made) == 2000
    assert all(is_valid_uid(uid) and is_our_uid(uid) and len(uid) <= 44 for uid in made)


def test_where_one_source_ends_matters() -> None:
    assert derive_uid("12", "3") != derive_uid("1", "23")


@pytest.mark.parametrize("uid", ["", ".", "1.", ".1", "1..2", "../../x", "1.2\n", "1.2.x", "1/2",
                                 "\uff11.2", "1" * 65, "1.2\0"])  # fmt: skip
def test_what_is_no_uid_is_known(uid: str) -> None:
    assert not is_valid_uid(uid)
    assert not is_our_uid(uid)


@pytest.mark.parametrize(
    ("sop_class", "manufacturer", "kind"),
    [(CR, "Agfa", Kind.CANDIDATE), (DX, "hilum", Kind.CANDIDATE), (FOR_PROCESSING, "", Kind.ASIDE),
     (CT, "", Kind.ASIDE), (SR, "hilum", Kind.OWN), (SC, " HILUM ", Kind.OWN),
     (SC, "Agfa", Kind.ASIDE), (SR, "", Kind.ASIDE)],
)  # fmt: skip
def test_kinds_hang_on_class_and_maker(sop_class: str, manufacturer: str, kind: Kind) -> None:
    assert kind_of(sop_class, "1.2.3", manufacturer=manufacturer) is kind


def test_an_object_with_our_uid_is_ours_whatever_it_says() -> None:
    assert kind_of(DX, derive_uid("1.2.3", "sr"), manufacturer="Agfa") is Kind.OWN
