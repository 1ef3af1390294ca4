"""Searching for better settings: each trial is an ordinary run, the study remembers them all.

Optuna proposes and remembers; nothing of its search is written anew here. A study lives in a
database, so that many processes, on one machine or several, work on one study by being started
with the same command, and a killed one loses at most the trial it was in.
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import optuna
import yaml
from optuna.trial import TrialState

from hilum.config import apply_changes, check_settings
from hilum.data.atomic import replacing
from hilum.data.cache import PreparedCache
from hilum.data.manifest import Manifest
from hilum.errors import ConfigError, TrainingError
from hilum.training.fitting import fit
from hilum.training.recipe import METRICS, Recipe

__all__ = ["Choice", "Range", "TuningResult", "parse_variation", "tune"]

_HEARTBEAT_S = 10
_ENDED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


@dataclass(frozen=True, slots=True)
class Choice:
    """A setting that takes one of several values."""

    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """A setting that takes a number between two."""

    low: float
    high: float
    logarithmic: bool = False
    whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningResult:
    """What a study found so far."""

    folder: Path
    metric: str
    best_value: float
    best_trial: int
    best_settings: Mapping[str, Any]
    trials: tuple[Mapping[str, Any], ...]
    """One record a trial: number, state, value, epochs, settings."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "metric": self.metric,
            "best_value": self.best_value,
            "best_trial": self.best_trial,
            "best_settings": dict(self.best_settings),
            "trials": [dict(trial) for trial in self.trials],
            "note": "The best value is the best of several on the images that chose it, so it is "
            "too high. Evaluate the best run on a test split once.",
        }


def parse_variation(text: str) -> tuple[str, Choice | Range]:
    """Read what a setting may be.

    Args:
        text: `key=a,b,c` for one of several; `key=low..high` for a number between, with `:log` for
            one drawn on a logarithmic scale. Two whole numbers give whole numbers.

    Returns:
        The dotted key, and its values.

    Raises:
        ConfigError: If it is neither.

    >>> parse_variation("optimizer.learning_rate=1e-5..1e-2:log")[1]
    Range(low=1e-05, high=0.01, logarithmic=True, whole=False)
    """
    key, equals, values = text.partition("=")
    if not equals or not key.strip() or not values.strip():
        raise ConfigError(
            "Expected a variation such as optimizer.name=sgd,adam or "
            f"optimizer.learning_rate=1e-5..1e-2:log, got {text!r}."
        )
    if ".." not in values:
        read = [yaml.safe_load(value) for value in values.split(",")]
        return key.strip(), Choice(tuple(_as_number(value) for value in read))
    span, _, scale = values.partition(":")
    low, high = (_as_number(yaml.safe_load(end)) for end in span.split("..", 1))
    if not isinstance(low, int | float) or not isinstance(high, int | float) or not low < high:
        raise ConfigError(f"Expected low..high with low below high, got {span!r} in {text!r}.")
    if scale not in ("", "log") or (scale == "log" and low <= 0):
        raise ConfigError(f"After a range above 0 only :log may stand, got {values!r}.")
    whole = isinstance(low, int) and isinstance(high, int)
    return key.strip(), Range(low, high, logarithmic=scale == "log", whole=whole)


def _as_number(value: Any) -> Any:
    """Return numbers that YAML 1.1 reads as text, such as 1e-5, as numbers."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def tune(
    recipe: Recipe,
    variations: Mapping[str, Choice | Range],
    manifest: Manifest,
    cache: PreparedCache,
    out: str | Path,
    *,
    trials: int,
    storage: str | None = None,
    study: str = "hilum",
    sampler: Literal["tpe", "random"] = "tpe",
    prune: bool = True,
    manifest_file: str | Path | None = None,
    command: tuple[str, ...] = (),
    progress: Callable[[int, int], None] | None = None,
) -> TuningResult:
    """Search settings for the best validation score.

    Args:
        recipe: Where every trial starts from; `training.monitor` is what is searched for.
        variations: What may be, by dotted setting.
        manifest: The images, with a split column.
        cache: Those images, prepared with the recipe's preprocessing.
        out: Folder of the trials' runs, tune.json and best.yaml.
        trials: How many the study is to have in all, those of earlier or other processes counted.
        storage: URL of the study's database; a SQLite file in `out` if None.
        study: Its name there.
        sampler: Bayesian (tree-structured Parzen estimators [1]) or random.
        prune: Stop a trial whose score is below the median of the others at the same epoch.
        manifest_file: Where the manifest was read from, for the record.
        command: What was typed, for the record.
        progress: Called with (trials ended, trials in all).

    Raises:
        ConfigError: If a setting is unknown or cannot be what it may be, or the preprocessing
            would change.
        TrainingError: If no trial could be finished.

    References:
        [1] Bergstra et al., "Algorithms for Hyper-Parameter Optimization", NeurIPS 2011.
    """
    _check(recipe, variations)
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    found = _open(out, storage, study, sampler, recipe, prune=prune)

    def objective(trial: optuna.Trial) -> float:
        settings = {key: _suggest(trial, key, kind) for key, kind in variations.items()}
        run = _changed(recipe, settings)
        stop = _Pruner(trial, run.training.monitor)
        folder = out / f"trial-{trial.number:04d}"
        result = fit(
            run,
            manifest,
            cache,
            folder,
            resume=True,
            manifest_file=manifest_file,
            command=command,
            after_epoch=stop if prune else None,
        )
        trial.set_user_attr("epochs", result.epochs)
        if stop.stopped:
            raise optuna.TrialPruned
        return result.best_value

    def report(study: optuna.Study, _trial: optuna.trial.FrozenTrial) -> None:
        if progress is not None:
            progress(min(_ended(study), trials), trials)

    if _ended(found) < trials:
        enough = optuna.study.MaxTrialsCallback(trials, states=_ENDED)
        found.optimize(objective, callbacks=[enough, report], catch=(TrainingError,))
    result = _result(out, found, recipe.training.monitor)
    with replacing(out / "tune.json") as file:
        file.write(json.dumps(result.to_dict(), indent=2, allow_nan=False).encode())
    with replacing(out / "best.yaml") as file:
        file.write(_changed(recipe, result.best_settings).to_yaml().encode())
    return result


class _Pruner:
    """Tell a trial of every epoch, and say when to stop."""

    def __init__(self, trial: optuna.Trial, metric: str) -> None:
        self.trial = trial
        self.metric = metric
        self.stopped = False

    def __call__(self, row: Mapping[str, float]) -> bool:
        value = row[self.metric]
        if math.isfinite(value):
            self.trial.report(value, int(row["epoch"]))
            self.stopped = self.trial.should_prune()
        return self.stopped


def _ended(study: optuna.Study) -> int:
    return len(study.get_trials(deepcopy=False, states=_ENDED))


def _check(recipe: Recipe, variations: Mapping[str, Choice | Range]) -> None:
    """Try both ends of every variation, so that what cannot be is said before any epoch."""
    if not variations:
        raise ConfigError(
            "Nothing varies. Name a setting, as optimizer.learning_rate=1e-5..1e-2:log"
        )
    for key, kind in variations.items():
        ends = kind.values if isinstance(kind, Choice) else (kind.low, kind.high)
        for value in ends:
            changed = _changed(recipe, {key: value})
            if changed.preprocessing.pixel_hash != recipe.preprocessing.pixel_hash:
                raise ConfigError(
                    f"{key} changes the prepared pictures, which all trials share. Tune each "
                    "preprocessing in a study of its own."
                )


def _changed(recipe: Recipe, settings: Mapping[str, Any]) -> Recipe:
    changes = [f"{key}={json.dumps(value)}" for key, value in settings.items()]
    values = apply_changes(recipe.to_dict(), changes)
    return check_settings(Recipe, values, name="The recipe with these settings")


def _suggest(trial: optuna.Trial, key: str, kind: Choice | Range) -> Any:
    if isinstance(kind, Choice):
        return trial.suggest_categorical(key, kind.values)
    if kind.whole:
        return trial.suggest_int(key, int(kind.low), int(kind.high), log=kind.logarithmic)
    return trial.suggest_float(key, kind.low, kind.high, log=kind.logarithmic)


def _open(
    out: Path, storage: str | None, study: str, sampler: str, recipe: Recipe, *, prune: bool
) -> optuna.Study:
    """Open the study, making it if it is new; trials of killed processes are tried again."""
    url = storage or f"sqlite:///{(out / 'study.db').resolve()}"
    with warnings.catch_warnings():
        # Heartbeats are called experimental since 2021; a test kills a process to see them work.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        database = optuna.storages.RDBStorage(
            url,
            heartbeat_interval=_HEARTBEAT_S,
            heartbeat_stale_trial_callback=optuna.storages.RetryHeartbeatStaleTrialCallback(3),
        )
    seed = recipe.training.seed
    direction = METRICS.get(recipe.training.monitor, "max")
    found = optuna.create_study(
        storage=database,
        study_name=study,
        load_if_exists=True,
        direction="minimize" if direction == "min" else "maximize",
        sampler=optuna.samplers.TPESampler(seed=seed)
        if sampler == "tpe"
        else optuna.samplers.RandomSampler(seed=seed),
        pruner=optuna.pruners.MedianPruner() if prune else optuna.pruners.NopPruner(),
    )
    base = recipe.to_dict()
    if found.user_attrs.get("recipe", base) != base:
        raise ConfigError(
            f"The study {study!r} in {url} was begun with another recipe. Name another --study or "
            "another folder."
        )
    found.set_user_attr("recipe", base)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        optuna.storages.fail_stale_trials(found)
    return found


def _result(out: Path, study: optuna.Study, metric: str) -> TuningResult:
    done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if not done:
        raise TrainingError(f"No trial of {out} was finished; its runs say why in their folders.")
    best = study.best_trial
    return TuningResult(
        folder=out,
        metric=metric,
        best_value=float(study.best_value),
        best_trial=best.number,
        best_settings=dict(best.params),
        trials=tuple(_record(trial) for trial in study.get_trials(deepcopy=False, states=_ENDED)),
    )


def _record(trial: optuna.trial.FrozenTrial) -> dict[str, Any]:
    values: Sequence[float] = [*trial.intermediate_values.values()]
    return {
        "number": trial.number,
        "state": trial.state.name.lower(),
        "value": trial.value,
        "epochs": trial.user_attrs.get("epochs", len(values)),
        "settings": dict(trial.params),
    }
