"""The errors as one HTML file: headline, what errors share, and the films with their maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hilum.report.errors.maps import Seen
from hilum.report.errors.rates import rate_charts
from hilum.report.shell import environment, jpeg_uri

__all__ = ["in_words", "page"]

_FEW = 0.05
_ROWS = 12


def page(record: Mapping[str, Any], films: Sequence[Seen]) -> str:
    """Return the page's text.

    Args:
        record: Every number, as errors.json holds it.
        films: Those shown, in order.
    """
    made = environment({"share": _share, "limits": _limits, "p": _p})
    errors, groups = record["errors"], record["groups"]
    charts = rate_charts(groups, errors["rate"]) if groups and errors["wrong"] else []
    return made.get_template("errors.html").render(
        record=record,
        words=in_words(record),
        films=[_shown(seen) for seen in films],
        charts=charts,
        rows=_ROWS,
    )


def in_words(record: Mapping[str, Any]) -> list[str]:
    """Return what the errors come to, in a few plain sentences.

    Args:
        record: Every number, as errors.json holds it.
    """
    errors, blind = record["errors"], record["never_looking"]
    wrong = f"{errors['wrong']:,} of {record['images']:,} images are called wrongly"
    lines = [f"{wrong}: {_share(errors['rate'])} ({_limits(errors)})."]
    if blind is not None:
        lines.append(
            "Answering with the commonest training label of each image's source, without looking, "
            f"is wrong for {_share(blind['rate'])} ({_limits(blind)})."
        )
        if errors["wrong"]:
            lines.append(
                f"{blind['errors_called_as_source_suggests']:,} of the {errors['wrong']:,} wrong "
                "answers are what the source alone would suggest."
            )
    return [*lines, *_groups_in_words(record)]


def _groups_in_words(record: Mapping[str, Any]) -> list[str]:
    tested = [group for group in record["groups"] if group["p_holm"] is not None]
    if not tested:
        return ["No group could be tested: " + _why_untested(record)]
    unlike = [group["column"] for group in tested if group["p_holm"] < _FEW]
    many = f"{len(tested)} {'property was' if len(tested) == 1 else 'properties were'} tested"
    if unlike:
        return [f"{many}; errors gather by {', '.join(unlike)} (p below 0.05 after Holm)."]
    return [f"{many}; for none can it be shown that errors gather by it, at this number of images."]


def _why_untested(record: Mapping[str, Any]) -> str:
    reasons = {group["reason"] for group in record["groups"] if group["reason"]}
    return f"{'; '.join(sorted(reasons)) or 'nothing is known that images share'}."


def _shown(seen: Seen) -> dict[str, Any]:
    about, evidence = seen.about, seen.evidence
    title = f"{about['true']} called {about['called']}"
    pictures = []
    if seen.film is not None:
        pictures.append(_picture(seen.film, "the film", f"Film {about['rank']}: {title}"))
    if evidence is not None:
        for word, label, picture, peak in (
            ("called", about["called"], evidence.called, evidence.called_peak),
            ("true", about["true"], evidence.true, evidence.true_peak),
        ):
            caption = f"evidence for {label} ({word}), at most {peak:.2g}"
            pictures.append(_picture(picture, caption, f"Film {about['rank']}, {caption}"))
    return {
        **about,
        "pictures": pictures,
        "failure": seen.failure,
        "evidence": evidence,
        "accepted": evidence is None or evidence.accepted,
    }


def _picture(pixels: NDArray[np.uint8], caption: str, alt: str) -> dict[str, Any]:
    height, width = pixels.shape[:2]
    source = jpeg_uri(Image.fromarray(pixels))
    return {"source": source, "width": width, "height": height, "caption": caption, "alt": alt}


def _share(value: float) -> str:
    return f"{value:.1%}".replace("%", "\u00a0%")


def _limits(value: Mapping[str, Any]) -> str:
    if value["low"] is None:
        return "no limits: one patient"
    return f"{100 * value['low']:.1f} to {_share(value['high'])}"


def _p(value: float | None) -> str:
    if value is None:
        return "-"
    return "<\u00a00.001" if value < 0.001 else f"{value:.3f}" if value < 0.1 else f"{value:.2f}"
