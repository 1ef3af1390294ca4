from __future__ import annotations

from typing import get_args

import pytest

from hilum.cli.token import TokenRole
from hilum.cli.user import UserRole
from hilum.serve.access.errors import ForbiddenError
from hilum.serve.access.principal import LOCAL, Principal
from hilum.serve.access.roles import PEOPLE, PROGRAMS, RIGHTS, ROLES, Right, Role, may


def test_every_right_is_explained_and_someone_has_it() -> None:
    assert set(RIGHTS) == set(get_args(Right))
    assert set(ROLES) == set(get_args(Role))
    assert set().union(*ROLES.values()) == set(RIGHTS)


@pytest.mark.parametrize(
    ("role", "right"),
    [
        ("reader", "manage_users"), ("reader", "see_audit"), ("reader", "opine_second"),
        ("second_reader", "see_opinions"), ("second_reader", "export"),
        ("admin", "opine_second"), ("local", "opine_second"),
        ("program", "export"), ("program", "opine"), ("exporter", "upload"), ("monitor", "view"),
        ("nobody", "view"), ("", "view"),
    ],
)  # fmt: skip
def test_a_role_may_not_do_what_is_another_s(role: str, right: Right) -> None:
    assert not may(role, right)


def test_a_second_reader_reads_blinded_and_sees_no_opinion_of_others() -> None:
    assert may("second_reader", "opine_second")
    assert not may("second_reader", "see_opinions")


def test_no_token_manages_users_or_takes_a_second_person_s_place() -> None:
    for role in PROGRAMS:
        assert not may(role, "manage_users")
        assert not may(role, "opine_second")
        assert not may(role, "see_audit")


def test_who_may_not_is_told_what_and_why() -> None:
    someone = Principal(kind="token", name="token:ris", shown_name="ris", role="program")
    someone.must("upload")
    with pytest.raises(ForbiddenError, match="'program' may not see the audit trail") as caught:
        someone.must("see_audit")
    assert caught.value.status == 403


def test_whoever_sits_at_the_machine_may_all_but_what_takes_two() -> None:
    assert {right for right in RIGHTS if not LOCAL.may(right)} == {"opine_second"}


def test_the_command_line_offers_exactly_the_roles_there_are() -> None:
    assert tuple(role.value for role in UserRole) == PEOPLE
    assert tuple(role.value for role in TokenRole) == PROGRAMS
