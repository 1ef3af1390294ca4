"""The command line: one file a command, each of which parses, calls and prints.

A command is imported when it is asked for and imports what is heavy inside itself, so that
`hilum --help` answers at once. Results go to standard output, progress and notes to standard error.
Exit codes: 0 done, 1 failed, 2 usage, 3 some inputs failed, 4 a quality gate failed.
"""

from __future__ import annotations

import sys

import typer

from hilum.cli.console import note
from hilum.cli.lazy import LazyGroup
from hilum.errors import HilumError

__all__ = ["app", "main"]

COMMANDS = {
    "prepare": "Read every image once and keep the prepared pictures.",
    "train": "Fit a classifier as a recipe says.",
    "tune": "Search a recipe's settings with Optuna.",
    "crossval": "Fit and test once a fold, parted by patient.",
    "evaluate": "Score predictions, a run or a bundle, with intervals.",
    "reproduce": "Train a paper's networks, as published and repaired.",
    "audit": "Ask of a model's score whether it is real.",
    "errors": "Show the films most confidently wrong, and what they share.",
    "cost": "Measure what models cost, side by side.",
    "compare": "Compare two models on the same films.",
    "calibrate": "Fit temperature and thresholds; write a new bundle.",
    "check-table": "Find published numbers that cannot be.",
    "optimize": "Make a bundle faster, if it passes on your films.",
    "export": "Pack a run's best weights into a bundle.",
    "screen": "Screen radiographs with a bundle, and show why.",
    "explain": "Explain answers by several methods; say where maps disagree.",
    "report": "Write one HTML page about what was done.",
    "checklist": "Fill CLAIM 2024 or TRIPOD+AI from what is known.",
    "card": "Write a full model card.",
    "models": "List the networks a recipe can name.",
    "phantoms": "Draw a cohort of phantoms, with flaws if asked.",
    "bench": "Measure speed here, and beside torch and other peers.",
    "deidentify": "Take patients out of DICOM files, and note what was done.",
    "doctor": "Check the installation and say how to mend it.",
    "data": "Get, build, check, describe, mend, merge and split data sets.",
    "generate": "Fit variational autoencoders, draw films, and find out what those are worth.",
    "gate": "The input gate: fit it to a bundle, ask it about films, train its network.",
    "segment": "Find the lungs on films: train, measure and use the lung segmenter.",
    "serve": "Serve the reader's page and the interface for programs.",
    "node": "Take films from an archive by DICOM, send results back.",
    "db": "Upgrade the server's database, check it, see its audit trail.",
    "backup": "Copy all a server keeps into a folder, while it runs.",
    "restore": "Put a backup into an empty folder.",
    "user": "Add, list, disable people; change their roles and passwords.",
    "token": "Create, list and revoke the tokens of programs.",
}
"""What `hilum` can do; the command `check-table` is `check_table` in `check_table.py`."""


class _Commands(LazyGroup):
    package = "hilum.cli"
    summaries = COMMANDS


app = typer.Typer(
    cls=_Commands,
    name="hilum",
    help="Train, prove and screen with chest X-ray classifiers. For research use only.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # coloured help costs 0.2 s of imports
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(show: bool) -> None:
    if show:
        from hilum import __version__

        typer.echo(f"hilum {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and stop."
    ),
) -> None:
    """Train, prove and screen with chest X-ray classifiers. For research use only."""


def main() -> None:
    """Run the command line; turn hilum's own errors into a message and exit code 1."""
    try:
        app()
    except HilumError as error:
        note(f"hilum: {error}")
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except KeyboardInterrupt:
        note("hilum: stopped")
        sys.exit(130)
