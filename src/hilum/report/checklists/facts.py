"""Everything a checklist or a model card may say, gathered once into plain values.

What lies here was recorded or counted; nothing was guessed. What cannot be tied together (a
manifest that is not the one trained on, an evaluation that names its model only by a path) is said
among the caveats, and pieces that contradict each other are refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from hilum.config import read_yaml
from hilum.errors import DataError
from hilum.evaluation.record import Evaluation

if TYPE_CHECKING:
    from hilum.data.manifest import Manifest
    from hilum.screening.bundle import Bundle

__all__ = ["gather_facts"]

_RUN = ("versions", "git", "counts", "command", "result", "threads", "precision")


def gather_facts(
    *,
    bundle: Bundle | None = None,
    evaluation: Evaluation | Mapping[str, Any] | None = None,
    audit: Mapping[str, Any] | None = None,
    manifest: Manifest | None = None,
    run: str | Path | None = None,
) -> dict[str, Any]:
    """Gather what is known of a model and its study; whatever is not given is None.

    Args:
        bundle: The model.
        evaluation: Its figures: a record, or what `evaluation.json` holds, which also names the
            split and the manifest.
        audit: What an audit of it found, as `Audit.to_dict` gives it.
        manifest: The films of the study.
        run: The folder of the training run.

    Returns:
        `model`, `training`, `data`, `evaluation`, `audit`, `caveats`, and `untied`: why the
        evaluation cannot be taken for one of this model, empty if by its path it is.

    Raises:
        DataError: If two of them contradict each other, or the run cannot be read.
        ConfigError: If the run's recipe cannot be read.
    """
    recorded = None if run is None else _run_facts(Path(run))
    training = _training_facts(bundle, recorded)
    model = _model_of_bundle(bundle) if bundle else _model_of_run(recorded, run)
    scores = evaluation.to_dict() if isinstance(evaluation, Evaluation) else evaluation
    facts: dict[str, Any] = {
        "model": model,
        "training": training,
        "data": None if manifest is None else _data_facts(manifest, model, training),
        "evaluation": None if scores is None else dict(scores),
        "audit": None if audit is None else dict(audit),
    }
    _refuse_contradictions(facts)
    facts["untied"] = _why_untied(facts)
    return {**facts, "caveats": list(_caveats(facts))}


def _model_of_bundle(bundle: Bundle) -> dict[str, Any]:
    record = bundle.record
    return {
        "place": str(bundle.folder),
        "id": bundle.id,
        "name": record.name,
        "created": record.created,
        "hilum": record.hilum_version,
        "task": record.task,
        "classes": list(record.classes),
        "network": record.architecture.name,
        "channels": record.architecture.channels,
        "outputs": record.architecture.outputs,
        "options": dict(record.architecture.options),
        "preprocessing": record.preprocessing.to_dict(),
        "preprocessing_hash": record.preprocessing.hash,
        "temperature": record.temperature,
        "thresholds": {
            name: {"rule": rule.describe(), **rule.to_dict()}
            for name, rule in record.thresholds.items()
        },
        "default_threshold": record.default_threshold,
        "measured": dict(record.measured),
        "gate": dict(record.gate),
        "versions": dict(record.versions),
        "licence": record.licence,
        "intended_use": record.intended_use,
        "files": {name: file.sha256 for name, file in record.files.items()},
    }


def _model_of_run(
    run: Mapping[str, Any] | None, folder: str | Path | None
) -> dict[str, Any] | None:
    """Return what a run without a bundle says of its network."""
    if run is None:
        return None
    recipe = run["recipe"]
    network, preprocessing = recipe.get("model") or {}, recipe.get("preprocessing") or {}
    return {
        "place": str(folder),
        "name": run.get("name") or recipe.get("name", "unnamed"),
        "classes": list(run.get("classes") or recipe.get("classes") or []),
        "network": network.get("name"),
        "channels": preprocessing.get("channels"),
        "preprocessing": dict(preprocessing),
        "versions": dict(run.get("versions") or {}),
    }


def _run_facts(folder: Path) -> dict[str, Any]:
    """Read the two files of a run that say what was done."""
    path = folder / "run.json"
    try:
        recorded = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"Expected a training run at {folder}, but {path.name} cannot be read: {error}. Name "
            "the folder that `hilum train` wrote."
        ) from error
    if not isinstance(recorded, dict):
        raise DataError(f"{path} must hold an object, got {type(recorded).__name__}.")
    return {**recorded, "recipe": read_yaml(folder / "recipe.yaml")}


def _training_facts(bundle: Bundle | None, run: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return how the weights came about, from the bundle first, then from the run."""
    found: dict[str, Any] = {}
    if bundle is not None:
        found = dict(bundle.record.training)
    if run is not None:
        about = run.get("trained_on") or {}
        mine = {
            "recipe": run["recipe"],
            "manifest_sha256": (run.get("manifest") or {}).get("sha256"),
            "n_images": about.get("images"),
            "n_patients": about.get("patients"),
            "sources": about.get("sources"),
            **{key: run[key] for key in _RUN if key in run},
        }
        theirs = found.get("manifest_sha256")
        if theirs and mine["manifest_sha256"] and theirs != mine["manifest_sha256"]:
            raise DataError(
                f"The bundle was trained on manifest {theirs[:12]}, the run on "
                f"{mine['manifest_sha256'][:12]}: they do not belong together. Name the run the "
                "bundle was exported from."
            )
        found = {**{key: value for key, value in mine.items() if value is not None}, **found}
    if not found:
        return None
    return {**found, **_trained_on(found)}


def _trained_on(training: Mapping[str, Any]) -> dict[str, Any]:
    """Return how many images the weights were fitted to, counted from the train split.

    Records of early versions count every split under `n_images` and `sources`; the patients and
    sources of those are then not known to be of the train split, and are not given.
    """
    counts = training.get("counts") or {}
    images = sum(n for name, n in counts.items() if name.startswith("train/"))
    if not images:
        images = training.get("n_images")
    same = images == training.get("n_images")
    return {
        "train_images": images,
        "train_patients": training.get("n_patients") if same else None,
        "train_sources": training.get("sources") if same else None,
    }


def _data_facts(
    manifest: Manifest, model: Mapping[str, Any] | None, training: Mapping[str, Any] | None
) -> dict[str, Any]:
    from hilum.evaluation.matching import relabelled
    from hilum.report.checklists.cohort import cohort_facts

    recipe = (training or {}).get("recipe") or {}
    named = relabelled(manifest, recipe.get("relabel") or {})
    counted = cohort_facts(named, (model or {}).get("classes"))
    trained = (training or {}).get("manifest_sha256")
    return {
        **counted,
        "sha256": manifest.sha256,
        "trained_on_it": None if trained is None else trained == manifest.sha256,
    }


def _refuse_contradictions(facts: Mapping[str, Any]) -> None:
    """Refuse evidence about another model."""
    model, evaluation, audit = facts["model"], facts["evaluation"], facts["audit"]
    if evaluation is not None and "metrics" not in evaluation:
        raise DataError(
            "Expected an evaluation with `metrics`, as evaluation.json of `hilum evaluate --out`, "
            f"got {', '.join(evaluation) or 'nothing'}."
        )
    if audit is not None and "checks" not in audit:
        raise DataError(
            f"Expected an audit with `checks`, as audit.json, got {', '.join(audit) or 'nothing'}."
        )
    if model is None:
        return
    if evaluation and list(evaluation.get("classes", model["classes"])) != model["classes"]:
        raise DataError(
            f"The evaluation is of the classes {', '.join(evaluation['classes'])}, the model has "
            f"{', '.join(model['classes'])}: it is of another model. Evaluate this one."
        )
    named = _audited_bundle(audit)
    if model.get("id") and named and named != model["id"]:
        raise DataError(
            f"The audit is of bundle {named[:12]}, not of {model['id'][:12]}. Audit this one."
        )


def _audited_bundle(audit: Mapping[str, Any] | None) -> str:
    """Return the id of the bundle an audit is of; empty if it does not say."""
    about = (audit or {}).get("about")
    return str(about.get("bundle_id") or "") if isinstance(about, Mapping) else ""


def _caveats(facts: Mapping[str, Any]) -> Iterator[str]:
    """Say what a reader must know before believing any item."""
    yield from _loose_ends(facts)
    training = facts["training"] or {}
    recipe = training.get("recipe") or {}
    if (recipe.get("training") or {}).get("selection_split") == "test":
        yield "The weights were chosen on the test split, so figures on it are no test."
    if (recipe.get("model") or {}).get("allow_seen_patients"):
        yield "The recipe allows starting weights that were trained on patients of the test split."
    if (training.get("git") or {}).get("changed"):
        yield (
            "When the model was trained, the code differed from its commit: the commit alone does "
            "not reproduce it."
        )
    if (data := facts["data"]) and (shared := data["patients_in_several_splits"]):
        yield f"{shared} patients stand in more than one split: figures on these are no test."
    if data := facts["data"]:
        yield from data["notes"]
        if data["phantoms"]:
            yield (
                "The films are phantoms: drawn, and of nobody. Where patients are counted, these "
                "are drawn subjects."
            )


def _loose_ends(facts: Mapping[str, Any]) -> Iterator[str]:
    """Say which pieces of evidence cannot be tied to each other."""
    model, data, evaluation = facts["model"] or {}, facts["data"], facts["evaluation"]
    if data and data["trained_on_it"] is False:
        yield (
            f"The manifest given ({data['sha256'][:12]}) is not the one the model was trained on "
            f"({facts['training']['manifest_sha256'][:12]})."
        )
    if data and data["trained_on_it"] is None:
        yield "Nothing records which manifest the model was trained on."
    if facts["audit"] and not _audited_bundle(facts["audit"]):
        yield "The audit does not say of which bundle it is: that it is of this one is on trust."
    if not evaluation:
        return
    if facts["untied"]:
        yield f"{facts['untied']}."
    elif model and evaluation.get("bundle_id") is None:
        yield (
            f"The evaluation names what it scored by its path ({evaluation['scored']}), not by a "
            "hash: that it is of these very weights is on trust."
        )
    theirs = (evaluation.get("manifest") or {}).get("sha256")
    if data and theirs and theirs != data["sha256"]:
        yield f"The evaluation is of another manifest ({theirs[:12]}) than the one given."
    trained = (facts["training"] or {}).get("manifest_sha256")
    if trained and theirs and trained != theirs:
        yield (
            f"The films scored are of another manifest ({theirs[:12]}) than those trained on "
            f"({trained[:12]}): that no patient is in both was not checked."
        )


def _why_untied(facts: Mapping[str, Any]) -> str:
    """Say why the evaluation cannot be taken for one of this model; empty if it can."""
    model, evaluation = facts["model"], facts["evaluation"]
    if not model or not evaluation:
        return ""
    scored, known = evaluation.get("scored"), evaluation.get("bundle_id")
    if known is not None and model.get("id") is not None:
        return "" if known == model["id"] else f"The evaluation is of another bundle, {known[:12]}"
    if scored is None:
        return "The evaluation does not say what it scored"
    if PurePath(scored).name == PurePath(model["place"]).name:
        return ""
    if _exported_unchanged(model) and PurePath(scored) == _run_of(facts["training"] or {}):
        return ""
    return f"The evaluation says it scored {scored}, not the model at {model['place']}"


def _exported_unchanged(model: Mapping[str, Any]) -> bool:
    """Say whether a bundle still answers as the run it came from: no temperature, no threshold."""
    return bool(model.get("temperature") == 1 and set(model["thresholds"]) == {"argmax"})


def _run_of(training: Mapping[str, Any]) -> PurePath | None:
    """Return the folder that the training command named for its run."""
    words = [str(word) for word in training.get("command") or []]
    named = words[words.index("--out") + 1 :] if "--out" in words else []
    return PurePath(named[0]) if named else None
