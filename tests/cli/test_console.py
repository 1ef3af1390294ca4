from __future__ import annotations

import pytest

from hilum.cli.console import command_words


@pytest.mark.parametrize("first", ["/opt/venv/bin/hilum", "/srv/src/hilum/__main__.py", "hilum"])
def test_a_record_names_the_command_and_no_place_it_was_started_from(
    first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", [first, "train", "recipe.yaml", "--out", "run"])
    assert command_words() == ("hilum", "train", "recipe.yaml", "--out", "run")
