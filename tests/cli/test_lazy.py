"""The table of commands: complete, true, and read without importing what it names."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import hilum.cli
from hilum.cli import COMMANDS, app

NO_COMMANDS = {"console", "lazy", "place_options"}


def run(*words: str) -> str:
    done = CliRunner().invoke(app, list(words))
    return done.output


def test_every_file_of_the_folder_is_a_command_and_every_command_a_file() -> None:
    folder = Path(hilum.cli.__file__).parent
    files = {path.stem for path in folder.glob("*.py")} | {
        path.parent.name for path in folder.glob("*/__init__.py")
    }
    words = {name.replace("-", "_") for name in COMMANDS}
    assert files - {"__init__"} - NO_COMMANDS == words


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_is_found_and_explains_itself(name: str) -> None:
    shown = run(name, "--help")
    assert f" {name} [OPTIONS]" in shown
    assert "No such command" not in shown


def test_a_group_is_summed_up_as_it_says_of_itself() -> None:
    for name, summary in COMMANDS.items():
        word = name.replace("-", "_")
        found = getattr(import_module(f"hilum.cli.{word}"), word)
        if isinstance(found, typer.Typer):
            assert found.info.help == summary


def test_help_lists_every_command_in_order() -> None:
    listed = [line.split()[0] for line in run("--help").partition("Commands:")[2].splitlines()[1:]
              if line.startswith("  ") and not line.startswith("   ")]  # fmt: skip
    assert listed == list(COMMANDS)


def test_a_wrong_name_is_answered_with_the_nearest() -> None:
    assert "No such command 'chek-table'. Did you mean 'check-table'?" in run("chek-table")


def test_only_the_command_asked_for_is_imported() -> None:
    code = """
import sys
from hilum.cli import app
try:
    app(["check-table", "--help"])
except SystemExit:
    pass
print("FOUND", *sorted(name for name in sys.modules if name.startswith("hilum.cli.")))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found = done.stdout.partition("FOUND")[2].split()
    assert found == ["hilum.cli.check_table", "hilum.cli.console", "hilum.cli.lazy"]
