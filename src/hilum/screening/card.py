"""The model card: what a person should read before using a bundle.

Written from the record and nothing else, so that it cannot say what the bundle does not hold.

References:
    Mitchell et al., "Model Cards for Model Reporting", FAT* 2019.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hilum.screening.engines.record import EngineRecord
from hilum.screening.record import BundleRecord

__all__ = ["model_card"]

_LIMITS = """\
- A classifier of radiographs may recognise the hospital, the machine or a marker instead of the
  disease. High figures on data from the training hospitals do not show that it does not.
- It answers only for frontal chest radiographs of the kind it was trained on. The input gate
  refuses what is plainly something else; it cannot tell every other picture.
- Probabilities hold for the mix of cases they were fitted on, not for yours.
- Evidence maps show which regions moved the answer, not that the answer is right."""


_BESIDE = (
    "Beside the network lies a faster form of it, which answers where OpenVINO is installed. "
    "Elsewhere `model.onnx` answers, with a warning."
)
_OF_ENGINE = {
    "speed": "times as fast as the bundle's own engine",
    "agreement": "films with the same most probable class",
    "same_decision": "films with the same decision",
    "auroc_before": "macro AUROC of the bundle's own engine",
    "auroc": "macro AUROC of the fast engine",
    "auroc_difference": "difference",
    "largest_probability_change": "largest change of a probability",
    "mean_probability_change": "mean change of a probability",
    "map_correlation_median": "correlation of the maps, median",
    "map_correlation_5th_percentile": "correlation of the maps, 5th percentile",
}


def model_card(record: BundleRecord) -> str:
    """Return the model card of a bundle, in Markdown.

    Args:
        record: What the bundle says of itself.
    """
    sections = (
        ("Intended use", record.intended_use),
        ("What it is", _what_it_is(record)),
        ("How a radiograph becomes input", _preprocessing(record)),
        ("How it decides", _decisions(record)),
        ("Training data", _training(record.training)),
        ("Measured", _measured(record.measured)),
        *((("Fast engine", _engine(record.engine)),) if record.engine else ()),
        ("Limits", _LIMITS),
        ("Versions", _bullets(record.versions) or "Not recorded."),
        ("Licence", record.licence),
    )
    body = "\n\n".join(f"## {title}\n\n{text}" for title, text in sections)
    return f"# {record.name}\n\n**Research use only.**\n\n{body}\n"


def _what_it_is(record: BundleRecord) -> str:
    architecture = record.architecture
    classes = ", ".join(f"`{name}`" for name in record.classes)
    shape = f"{architecture.channels} input channel(s), {architecture.outputs} output(s)"
    lines = [
        f"A {record.task} classifier of frontal chest radiographs. Classes: {classes}.",
        "",
        f"- network: {architecture.name}, {shape}",
        f"- exported: {record.created}, by hilum {record.hilum_version}",
    ]
    if architecture.options:
        lines.append(f"- options: {_inline(architecture.options)}")
    return "\n".join(lines)


def _preprocessing(record: BundleRecord) -> str:
    steps = _bullets(record.preprocessing.to_dict())
    return (
        f"Applied by hilum on the way in; nothing is to be done beforehand.\n\n{steps}\n"
        f"- hash: `{record.preprocessing.hash}`"
    )


def _decisions(record: BundleRecord) -> str:
    if not record.calibrated:
        calibrated = "Not calibrated: the temperature is 1, and probabilities are as trained."
    else:
        calibrated = f"Logits are divided by {record.temperature:.4g} (temperature scaling)."
    lines = [calibrated, ""]
    for name, rule in record.thresholds.items():
        chosen = " (default)" if name == record.default_threshold else ""
        source = f"; {rule.source}" if rule.source else ""
        lines.append(f"- `{name}`{chosen}: {rule.describe()}{source}")
    return "\n".join(lines)


def _training(training: Mapping[str, Any]) -> str:
    if not training:
        return "Not recorded."
    known = {
        "n_images": "radiographs",
        "n_patients": "patients",
        "sources": "sources",
        "manifest_sha256": "manifest (sha256)",
        "recipe": "recipe",
        "command": "command",
    }
    named = {text: training[key] for key, text in known.items() if key in training}
    if isinstance(recipe := named.get("recipe"), Mapping):
        named["recipe"] = f"{recipe.get('name', 'unnamed')}, in full in bundle.json"
    if isinstance(command := named.get("command"), list | tuple):
        named["command"] = f"`{' '.join(map(str, command))}`"
    rest = {key: value for key, value in training.items() if key not in known}
    return _bullets({**named, **rest})


def _measured(measured: Mapping[str, Any]) -> str:
    """Return a table of every figure found, however deep, beside its interval if it has one."""
    rows = list(_figures(measured))
    if not rows:
        return "Nothing was measured. Do not rely on any figure quoted elsewhere."
    lines = ["| figure | value | interval |", "| --- | ---: | --- |"]
    return "\n".join([*lines, *(f"| {name} | {value} | {span} |" for name, value, span in rows)])


def _engine(engine: EngineRecord) -> str:
    """Return what the fast engine is, how near it comes, and where that was measured."""
    report = engine.measured
    chosen = [one for one in report.get("engines", ()) if one["name"] == report.get("chosen")]
    measured_with = f"OpenVINO {engine.version} on {engine.processor} ({', '.join(engine.flags)})"
    lines = [
        _BESIDE,
        "",
        f"- precision: {report.get('chosen', engine.precision)}",
        f"- made of: bundle {engine.optimized_from}",
        f"- measured with {measured_with}, {engine.threads} threads; elsewhere it may differ",
        f"- films: {_inline(report.get('measured_on', {}))}",
        f"- manifest (sha256): {report.get('manifest_sha256', 'not recorded')}",
    ]
    table = [f"| {name} | {value} | {span} |" for one in chosen for name, value, span in _rows(one)]
    if not table:
        return "\n".join(lines)
    return "\n".join([*lines, "", "| figure | value | interval |", "| --- | ---: | --- |", *table])


def _rows(engine: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for key, name in _OF_ENGINE.items():
        value = engine.get(key)
        if isinstance(value, Mapping):
            shown = {**value, "value": value.get("estimate")}
            yield name, _number(shown["value"]), _interval(shown)
        elif value is not None:
            yield name, _number(value), ""


def _figures(values: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str, str]]:
    for key, value in values.items():
        name = f"{path}{key}"
        if isinstance(value, Mapping) and "value" in value:
            yield _cell(name), _number(value["value"]), _interval(value)
        elif isinstance(value, Mapping):
            yield from _figures(value, f"{name}, ")
        elif isinstance(value, bool | int | float | str):
            yield _cell(name), _number(value), ""


def _interval(value: Mapping[str, Any]) -> str:
    """Return a figure's interval as text, in the spellings that records use."""
    low, high = value.get("low", value.get("lower")), value.get("high", value.get("upper"))
    pair = value.get("interval")
    if isinstance(pair, list | tuple) and len(pair) == 2:
        low, high = pair
    if low is None or high is None:
        return "none given"
    level = value.get("level")
    share = f" ({level:.0%})" if isinstance(level, float) else ""
    return f"{_number(low)} to {_number(high)}{share}"


def _number(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else _cell(str(value))


def _bullets(values: Mapping[str, Any]) -> str:
    return "\n".join(f"- {key}: {_inline(value)}" for key, value in values.items())


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_inline(entry)}" for key, entry in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_inline(entry) for entry in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _cell(text: str) -> str:
    """Return text that does not break a table."""
    return text.replace("|", "/").replace("\n", " ")
