"""The page of explanations: each film and class a row, the maps side by side, and their agreement.

Words and pictures are made here, layout in `templates/explain.html`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from hilum.audit.agreement import MethodMap
from hilum.audit.explained import NAMES, ClassExplained, Explained
from hilum.data.preprocessing import Preprocessing
from hilum.report.explain.pictures import draw_map, scale_colours
from hilum.report.heated import shown
from hilum.report.shell import environment, jpeg_uri

__all__ = ["page", "picture_row"]

_MEANS = {
    "grad-cam": "logits a cell",
    "grad-cam++": "no unit",
    "occlusion": "drop of the logit",
}


def picture_row(film: Explained, preprocessing: Preprocessing) -> dict[str, Any]:
    """Return what the page shows of a film: pictures as data URIs, and sentences.

    Args:
        film: Explained; the radiograph in its answer.
        preprocessing: How it was prepared.
    """
    answer = film.answer
    name = Path(answer.path).name
    grey = None if answer.film is None else shown(answer.film)
    classes = []
    for one in film.classes:
        pictures = []
        if grey is not None:
            pictures.append(_figure(Image.fromarray(grey), "the film", name))
            pictures += [
                _figure(draw_map(grey, made, preprocessing), _caption(made), f"{name}, {one.label}")
                for made in one.maps
            ]
        classes.append(_class(one, pictures))
    return {
        "name": name,
        "answer": answer.to_dict(),
        "classes": classes,
        "film": None if grey is None or classes else _figure(Image.fromarray(grey), "", name),
        "lungs": film.lungs,
        "no_lungs": film.no_lungs,
    }


def _class(one: ClassExplained, pictures: Sequence[dict[str, Any]]) -> dict[str, Any]:
    pairs = [
        {
            "names": f"{NAMES[found.first]} and {NAMES[found.second]}",
            "rank": _number(found.rank_correlation),
            "apart": _percent(found.peaks_apart),
            "disagree": found.disagree,
        }
        for found in one.agreement
    ]
    return {
        "label": one.label,
        "probability": one.probability,
        "pictures": pictures,
        "pairs": pairs,
        "words": one.words,
        "disagree": one.disagree,
        "drops": one.drops,
    }


def _caption(made: MethodMap) -> str:
    name = NAMES[made.method]
    name = f"{name[0].upper()}{name[1:]}"
    if made.empty:
        return f"{name}: the map is empty"
    lungs = "" if made.in_lungs is None else f"; {_percent(made.in_lungs)} of it in the lungs"
    return f"{name}: at most {made.peak:.2g} ({_MEANS[made.method]}){lungs}"


def _figure(picture: Image.Image, caption: str, what: str) -> dict[str, Any]:
    return {
        "source": jpeg_uri(picture),
        "width": picture.width,
        "height": picture.height,
        "caption": caption,
        "alt": f"{what}: {caption}" if caption else what,
    }


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f}\u00a0%"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def page(record: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the page's text.

    Args:
        record: Everything, as explanations.json holds it.
        rows: As `picture_row` gives them, one a film.
    """
    made = environment({"whole": _percent})
    return made.get_template("explain.html").render(
        record=record, films=rows, colours=", ".join(scale_colours()), lead=_lead(rows)
    )


def _lead(rows: Sequence[Mapping[str, Any]]) -> str:
    """Say in two sentences what the page comes to."""
    found = [one for row in rows for one in row["classes"]]
    films = f"{len(rows):,} film{'' if len(rows) == 1 else 's'}"
    if not found:
        return f"{films}, and no answer to explain."
    apart = sum(one["disagree"] for one in found)
    answers = f"{len(found):,} answer{'' if len(found) == 1 else 's'}"
    if not any(one["pairs"] for one in found):
        return f"{films}, {answers} explained by one method: nothing confirms the maps."
    return f"{films}, {answers} explained. For {apart:,} of {len(found):,} the maps disagree."
