"""Each check of an audit as a section, with all it found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from hilum.report.shell import jpeg_uri
from hilum.report.svg import Curve, Drawing, interval_rows, line_chart
from hilum.report.whole.blocks import Block, Facts, Film, Films, Fold, Grid, Prose, Section
from hilum.report.whole.sheet import Sheet, Value
from hilum.report.whole.verdicts import worst_first

__all__ = ["chart", "check_sections", "film"]

_SIDES = ((16, 640), (48, 420), (120, 280))
_MOST_PICTURES = 120
_MANY_ROWS = 25


def check_sections(
    audit: Mapping[str, Any], folder: Path | None, *, prefix: str = "check", level: int = 3
) -> Iterator[Section]:
    """Return a section a check, worst first.

    Args:
        audit: As `Audit.to_dict` gives it.
        folder: Where its pictures lie, below which they must; None leaves them out.
        prefix: Begins the anchors.
        level: Of the headings.
    """
    wanted = sum(len(one["pictures"]) for one in audit["checks"])
    side = next((side for most, side in _SIDES if wanted <= most), _SIDES[-1][1])
    left = _MOST_PICTURES
    for one in worst_first(audit):
        films, missing = _pictures(one["pictures"][:left], folder, side)
        left -= len(films)
        told = list(_unshown(len(one["pictures"]) - len(films), missing))
        yield Section(
            f"{prefix}-{one['check']}",
            one["title"],
            [*_check_blocks(one, films), *([Prose(told, "soft")] if told else [])],
            level=level,
            verdict=one["verdict"],
        )


def _unshown(unshown: int, missing: int) -> Iterator[str]:
    """Say how many pictures the page does not show, and why."""
    if missing:
        yield f"{missing} {'picture is' if missing == 1 else 'pictures are'} not there any more."
    if unshown > missing:
        yield f"{unshown - missing} more pictures lie beside audit.json."


def _check_blocks(one: Mapping[str, Any], films: Sequence[Film]) -> Iterator[Block]:
    yield Prose([one["question"]], "soft")
    yield Prose([one["summary"]], "lead")
    if one["reason"] != one["summary"]:
        yield Facts([("Rule", one["reason"])])
    if one["notes"]:
        yield Prose(one["notes"], "list")
    if one["charts"]:
        yield Grid([(chart(values), "") for values in one["charts"]])
    if films:
        yield Films(films)
    if one["numbers"]:
        rows = [(name, Value(value)) for name, value in one["numbers"].items()]
        yield Sheet(f"{one['title']}: the figures", ("figure", "value"), rows)
    for table in one["tables"]:
        sheet = Sheet(table["title"], table["columns"], table["rows"])
        few = len(sheet.rows) <= _MANY_ROWS
        yield sheet if few else Fold(f"{sheet.title}: {len(sheet.rows)} rows", [sheet])
    behind = [_behind(values) for values in one["charts"]]
    if behind:
        yield Fold("Numbers of the charts", behind)
    asked = "; ".join(one["asked_by"]) or "nobody by name"
    yield Facts([("Asked for by", asked), ("Took", f"{one['seconds']:.1f} s")])


def chart(values: Mapping[str, Any]) -> Drawing:
    """Draw a chart of a check, as `Bars.to_dict` or `Lines.to_dict` gives it."""
    references = [(line["label"], line["value"]) for line in values["references"]]
    limits = (values["limits"][0], values["limits"][1])
    if values["kind"] == "bars":
        return interval_rows(
            values["title"],
            [(row["label"], row) for row in values["rows"]],
            axis=values["axis"],
            limits=limits,
            references=references,
        )
    curves = [_curve(curve) for curve in values["curves"]]
    return line_chart(
        values["title"],
        curves,
        x=values["x"],
        y=values["y"],
        limits=limits,
        references=references,
    )


def _curve(values: Mapping[str, Any]) -> Curve:
    points = [p for p in values["points"] if p["estimate"] is not None]
    counts = sorted({p["n"] for p in points})
    said = "no value" if not counts else f"n {counts[0]:,}"
    said += f" to {counts[-1]:,}" if len(counts) > 1 else ""
    where = [(p["x"], p["estimate"], p["low"], p["high"]) for p in points]
    return Curve(f"{values['label']}, {said}", where)


def _behind(values: Mapping[str, Any]) -> Sheet:
    """Return the numbers of a chart as a table."""
    if values["kind"] == "bars":
        rows = [(row["label"], Value(row)) for row in values["rows"]]
        return Sheet(values["title"], ("row", values["axis"]), rows)
    points = [(c["label"], p["x"], Value(p)) for c in values["curves"] for p in c["points"]]
    return Sheet(values["title"], ("curve", values["x"], values["y"]), points)


def _pictures(
    wanted: Sequence[Mapping[str, str]], folder: Path | None, side: int
) -> tuple[list[Film], int]:
    """Return the pictures as parts of the page, and how many cannot be had."""
    if folder is None:
        return [], 0
    films: list[Film] = []
    root = folder.resolve()
    for one in wanted:
        path = (root / one["file"]).resolve()
        if not (path.is_relative_to(root) and path.is_file()):
            continue
        try:
            films.append(film(path, one["caption"], side))
        except OSError:
            continue
    return films, len(wanted) - len(films)


def film(path: Path, caption: str, side: int) -> Film:
    """Return a PNG as a JPEG inside the page, at most `side` pixels wide."""
    with Image.open(path, formats=["PNG"]) as opened:
        small = opened.convert("RGB")
    small.thumbnail((side, 2 * side), Image.Resampling.LANCZOS)
    return Film(jpeg_uri(small), small.width, small.height, caption)
