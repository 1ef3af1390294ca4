"""The command line: one file a command, each of which parses, calls and prints.

Heavy imports happen inside the commands, so that `hilum --help` answers at once. Results go to
standard output, progress and notes to standard error. Exit codes: 0 done, 1 failed, 2 usage,
3 some inputs failed, 4 a quality gate failed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import typer

from hilum.cli.audit import audit
from hilum.cli.calibrate import calibrate
from hilum.cli.card import card
from hilum.cli.check_table import check_table
from hilum.cli.checklist import checklist
from hilum.cli.compare import compare
from hilum.cli.console import note
from hilum.cli.cost import cost
from hilum.cli.crossval import crossval
from hilum.cli.data import data
from hilum.cli.doctor import doctor
from hilum.cli.errors import errors
from hilum.cli.evaluate import evaluate
from hilum.cli.export import export
from hilum.cli.generate import generate
from hilum.cli.models import models
from hilum.cli.phantoms import phantoms
from hilum.cli.prepare import prepare
from hilum.cli.report import report
from hilum.cli.reproduce import reproduce
from hilum.cli.screen import screen
from hilum.cli.segment import segment
from hilum.cli.train import train
from hilum.cli.tune import tune
from hilum.errors import HilumError

__all__ = ["app", "main"]

app = typer.Typer(
    name="hilum",
    help="Train, prove and screen with chest X-ray classifiers. For research use only.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # coloured help costs 0.2 s of imports
    context_settings={"help_option_names": ["-h", "--help"]},
)

COMMANDS: dict[Callable[..., None], str] = {
    prepare: "Read every image once and keep the prepared pictures.",
    train: "Fit a classifier as a recipe says.",
    tune: "Search a recipe's settings with Optuna.",
    crossval: "Fit and test once a fold, parted by patient.",
    evaluate: "Score predictions, a run or a bundle, with intervals.",
    reproduce: "Train a paper's networks, as published and repaired.",
    audit: "Ask of a model's score whether it is real.",
    errors: "Show the films most confidently wrong, and what they share.",
    cost: "Measure what models cost, side by side.",
    compare: "Compare two models on the same films.",
    calibrate: "Fit temperature and thresholds; write a new bundle.",
    check_table: "Find published numbers that cannot be.",
    export: "Pack a run's best weights into a bundle.",
    screen: "Screen radiographs with a bundle, and show why.",
    report: "Write one HTML page about what was done.",
    checklist: "Fill CLAIM 2024 or TRIPOD+AI from what is known.",
    card: "Write a full model card.",
    models: "List the networks a recipe can name.",
    phantoms: "Draw a cohort of phantoms, with flaws if asked.",
    doctor: "Check the installation and say how to mend it.",
}
for command, summary in COMMANDS.items():
    app.command(short_help=summary)(command)
app.add_typer(data, name="data")
app.add_typer(generate, name="generate")
app.add_typer(segment, name="segment")


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
