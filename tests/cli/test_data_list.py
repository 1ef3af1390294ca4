from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from hilum.cli import app
from hilum.data.sources import sources

PAGE = Path(__file__).parents[2] / "docs" / "data.md"


def printed(*words: str) -> str:
    result = CliRunner().invoke(app, ["data", "list", *words])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_documentation_tells_of_every_set_what_its_card_says() -> None:
    assert printed("--markdown") in PAGE.read_text(encoding="utf-8")


def test_every_set_is_listed_and_can_be_told_in_full() -> None:
    listed = printed()
    for name in sources:
        assert name in listed
        whole = printed(name)
        assert sources.create(name).card.title in whole
        assert "how to have it" in whole


def test_cards_are_json() -> None:
    assert {card["name"] for card in json.loads(printed("--json"))} == {*sources}


def test_an_unknown_set_is_refused_with_the_nearest() -> None:
    result = CliRunner().invoke(app, ["data", "list", "nhi"])
    assert result.exit_code != 0
    assert "Did you mean 'nih'" in str(result.exception)
