"""What the facts say of the network itself: input, layers, output, use."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hilum.report.checklists.answer import (
    Answer,
    Facts,
    inapplicable,
    listed,
    look,
    not_reported,
    partly,
    reported,
    sentence,
)
from hilum.report.checklists.words import (
    estimate_text,
    films,
    preprocessing_steps,
    settings,
)

__all__ = ["TOPICS"]


def intended_use(facts: Facts) -> Answer:
    """Say what the model is for, as far as its record does."""
    if not (use := look(facts, "model.intended_use")):
        return not_reported("What the model is for, for whom, and its place in care.")
    return partly(
        f"Intended use, from the bundle: {use} Input: one frontal chest radiograph.",
        "The clinical background, the population it is meant for, its place in care and its users.",
    )


def preprocessing(facts: Facts) -> Answer:
    """Say how a film becomes network input."""
    if not look(facts, "model.preprocessing"):
        return not_reported()
    return reported(
        sentence(
            f"Each film, alike in training and use: {preprocessing_steps(facts)}",
            "The film's pixels are the only predictor",
        )
    )


def network(facts: Facts) -> Answer:
    """Say which network it is."""
    if not look(facts, "model.network"):
        return not_reported()
    classes = look(facts, "model.classes")
    text = sentence(
        f"Network {look(facts, 'model.network')!r} of hilum",
        f"Input {_input_shape(facts)}",
        f"Classes, in the order of the outputs: {listed(classes)}",
    )
    if not look(facts, "model.files"):
        return partly(text, "The network's graph; export a bundle with `hilum export`.")
    onnx = look(facts, "model.files")["model.onnx"]
    rest = look(facts, "model.options")
    return reported(
        sentence(
            text,
            f"Output: {look(facts, 'model.outputs')} logit(s) and an evidence map a class",
            f"Options: {settings(rest)}" if rest else "",
            f"Every layer and connection is in the bundle's model.onnx (sha256 {onnx})",
        )
    )


def _input_shape(facts: Facts) -> str:
    size = look(facts, "model.preprocessing.size")
    return f"{look(facts, 'model.channels')} x {size} x {size} (channels x height x width)"


def software(facts: Facts) -> Answer:
    """Say with which versions it was made."""
    versions = look(facts, "model.versions")
    if not versions:
        return not_reported("Libraries and versions; none are recorded.")
    named = [f"{name} {version}" for name, version in versions.items()]
    when = "Recorded at export" if look(facts, "model.files") else "Recorded at training"
    also = [
        f"{key} {value}"
        for key in ("precision", "threads")
        if (value := look(facts, f"training.{key}"))
    ]
    return reported(sentence(f"{when}: {', '.join(named)}", ", ".join(also)))


def ensembling(facts: Facts) -> Answer:
    """Say whether several models answer together."""
    if not look(facts, "model.files"):
        return not_reported("Whether several models answer together; a bundle would say.")
    return inapplicable("The bundle holds one network, and its answer alone is given.")


def output(facts: Facts) -> Answer:
    """Say what the model gives and how it decides."""
    rules = look(facts, "model.thresholds")
    if not rules:
        return not_reported("What the model gives and how it decides; a bundle would say.")
    chosen = look(facts, "model.default_threshold")
    shown = [
        f"{name}{' (used unless another is named)' if name == chosen else ''}: {rule['rule']}"
        + (f", {rule['source']}" if rule.get("source") else "")
        for name, rule in rules.items()
    ]
    text = sentence(
        f"A probability for each of {listed(look(facts, 'model.classes'))}, and a decision",
        f"Rules of decision: {'; '.join(shown)}",
    )
    used = rules[chosen]
    if used["kind"] == "at_least" and used.get("source"):
        return partly(text, "Why this target was wanted of the threshold.")
    return partly(text, "Why the decision is made by this rule, with no threshold for a purpose.")


def prediction(facts: Facts) -> Answer:
    """Say how a probability is computed."""
    if not look(facts, "model.files"):
        return not_reported("How predictions were computed; a bundle would say.")
    binary = look(facts, "model.task") == "binary"
    rule = "sigmoid of logit / T, for the second class" if binary else "softmax of logits / T"
    text = sentence(
        f"Probabilities are {rule}, T = {look(facts, 'model.temperature'):.4g}",
        f"Logits come from model.onnx of bundle {look(facts, 'model.id')}, given the film after "
        f"this preprocessing: {preprocessing_steps(facts)}",
    )
    if facts["evaluation"] and not facts["untied"]:
        return reported(f"{text} Scored so: {look(facts, 'evaluation.scored')}.")
    return partly(text, "Whether the predictions that were scored were computed so.")


def updating(facts: Facts) -> Answer:
    """Say whether the model was recalibrated."""
    temperature = look(facts, "model.temperature")
    if temperature is None:
        return not_reported("Whether the model was adjusted after testing; a bundle would say.")
    done = look(facts, "model.measured.calibration")
    if temperature == 1 and not done:
        return inapplicable("The bundle was not recalibrated: its temperature is 1.")
    where = (
        f"fitted on split {done.get('split')!r} of manifest "
        f"{str(done.get('manifest_sha256'))[:12]}, "
        f"{films({'images': done.get('n_images', 0), 'patients': done.get('n_patients')})}"
        if done
        else "where it was fitted is not recorded"
    )
    text = f"Logits are divided by a temperature of {temperature:.4g}, {where}; the same for all."
    return reported(text) if done else partly(text, "On which films it was fitted.")


def updating_results(facts: Facts) -> Answer:
    """Say what recalibration changed."""
    answer = updating(facts)
    if answer.status in ("not reported", "not applicable"):
        return answer
    done = look(facts, "model.measured.calibration") or {}
    shown = [
        f"{name} {moment}: {estimate_text(value, None)}"
        for moment in ("before", "after")
        for name, value in (done.get(moment) or {}).items()
        if isinstance(value, Mapping)
    ]
    if not shown:
        return partly(answer.text, "Figures before and after.")
    return partly(
        sentence(
            answer.text, f"On these films ({done.get('note', 'no note')}): {'; '.join(shown)}"
        ),
        "Figures of the adjusted model on a test split.",
    )


def specification(facts: Facts) -> Answer:
    """Say what of the model a third party would need."""
    if not look(facts, "model.files"):
        return not_reported("The full model; export a bundle with `hilum export`.")
    licence = look(facts, "model.licence")
    stated = licence and licence != "not stated"
    hashes = [f"{name} {digest}" for name, digest in look(facts, "model.files").items()]
    return partly(
        sentence(
            f"Bundle {look(facts, 'model.id')}: network, weights, preprocessing and rules of "
            f"decision in one folder (sha256: {'; '.join(hashes)})",
            f"Licence of the weights: {licence}" if stated else "",
        ),
        "Where others can get the bundle" + ("." if stated else ", and on which terms."),
    )


def availability(facts: Facts) -> Answer:
    """Say what is known of availability."""
    licence = look(facts, "model.licence")
    terms = look(facts, "data.licences") or {}
    known = [f"{text} ({n:,} films)" for text, n in terms.items() if text]
    stated = licence and licence != "not stated"
    text = sentence(
        f"Licence of the weights: {licence}" if stated else "",
        f"Terms of the films, as the manifest notes them: {'; '.join(known)}" if known else "",
    )
    wanted = "Where software, model and data can be had" + ("." if stated else ", and the terms.")
    return partly(text, wanted) if text else not_reported(wanted)


def poor_input(facts: Facts) -> Answer:
    """Say what is done with pictures that are no fit input."""
    if not look(facts, "model.files"):
        return not_reported()
    return partly(
        "hilum looks at every picture first and refuses, with its reasons and without a "
        "probability, what is plainly no frontal chest radiograph: too small, too long, blank, "
        "nearly all black or white, a drawing, noise, in colour, or a lateral by its header.",
        "What to do with films of poor quality that pass: rotated, cut off, under-exposed, with "
        "devices. Nothing measures that here.",
    )


def users(facts: Facts) -> Answer:
    """Say what a user has to do."""
    if not look(facts, "model.files"):
        return not_reported()
    return partly(
        "Nothing is to be done to a film beforehand: preprocessing is in the bundle.",
        "Who may use the model, and what they must know to read its answer.",
    )


def predictor_choice(facts: Facts) -> Answer:
    """Say which predictors there are."""
    if not look(facts, "model.network"):
        return not_reported()
    return partly(
        "One predictor: the pixels of one film. Age, sex, view and history are not given to it.",
        "Why the film alone.",
    )


def predictor_assessors(facts: Facts) -> Answer:
    """Say whether measuring the predictor takes judgement."""
    if not look(facts, "model.network"):
        return not_reported()
    return inapplicable("The predictor is the film's pixels; nobody reads the film for the model.")


TOPICS: dict[str, Callable[[Facts], Answer]] = {
    "intended_use": intended_use,
    "preprocessing": preprocessing,
    "network": network,
    "software": software,
    "ensembling": ensembling,
    "output": output,
    "prediction": prediction,
    "updating": updating,
    "updating_results": updating_results,
    "specification": specification,
    "availability": availability,
    "poor_input": poor_input,
    "users": users,
    "predictor_choice": predictor_choice,
    "predictor_assessors": predictor_assessors,
}
