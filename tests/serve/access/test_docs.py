"""The documentation says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from hilum.serve.access.passwords import LEAST, MOST
from hilum.serve.access.roles import RIGHTS, ROLES
from hilum.serve.access.tokens import PATTERN

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "security-access.md").read_text(encoding="utf-8")


def test_the_table_of_roles_is_the_one_the_code_asks() -> None:
    lines = [
        f"| right | what it allows | {' | '.join(ROLES)} |",
        f"| --- | --- | {' | '.join(':-:' for _ in ROLES)} |",
    ]
    for right, meaning in RIGHTS.items():
        cells = " | ".join("yes" if right in rights else "" for rights in ROLES.values())
        lines.append(f"| `{right}` | {meaning} | {cells} |")
    assert "\n".join(lines) in PAGE


def test_every_test_that_is_named_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    there = set()
    for file in Path(__file__).parent.glob("test_*.py"):
        there |= set(re.findall(r"^def (test_\w+)", file.read_text(encoding="utf-8"), re.MULTILINE))
    assert len(named) > 25
    assert named <= there


def test_figures_that_are_printed_are_the_code_s() -> None:
    assert f"{LEAST} to {MOST} characters" in PAGE
    assert f"`{PATTERN.pattern}`" in PAGE
