"""The confusion matrix: counts, shaded by the share of the true class."""

from __future__ import annotations

from collections.abc import Sequence

from hilum.report.svg.canvas import WIDTH, Drawing

__all__ = ["confusion_matrix"]

_LEFT, _TOP = 100, 44
_DARKEST = 0.42
_ROOMY = 6


def confusion_matrix(classes: Sequence[str], counts: Sequence[Sequence[int]]) -> Drawing:
    """Draw films by true class (rows) and decision (columns).

    Args:
        classes: Names, k of them.
        counts: Films, k rows of k.
    """
    k = len(classes)
    side = (WIDTH - _LEFT - 6) / k
    tall = min(side, 68.0)
    totals = [sum(row) for row in counts]
    said = [
        f"{count:,} of {totals[t]:,} {classes[t]} called {classes[c]}"
        for t, row in enumerate(counts)
        for c, count in enumerate(row)
        if count
    ]
    height = _TOP + tall * k + 26
    drawing = Drawing("Confusion matrix", f"{'; '.join(said) or 'No film'}.", height)
    drawing.text((_LEFT + side * k / 2, 14), "Called", kind="soft", anchor="middle")
    drawing.text((8, _TOP - 8), "True class", kind="soft")
    for c, name in enumerate(classes):
        drawing.text((_LEFT + side * (c + 0.5), _TOP - 8), name, anchor="middle", room=side + 4)
    for t, row in enumerate(counts):
        y = _TOP + tall * t
        drawing.text((8, y + tall / 2 - 2), classes[t], kind="name", room=_LEFT - 12)
        drawing.text((8, y + tall / 2 + 13), f"n {totals[t]:,}", kind="soft")
        for c, count in enumerate(row):
            _cell(drawing, (_LEFT + side * c, y), (side, tall), (count, totals[t]), few=k <= _ROOMY)
    drawing.text((8, height - 8), f"n {sum(totals):,}; shaded by the share of the true class",
                 kind="soft")  # fmt: skip
    return drawing


def _cell(
    drawing: Drawing,
    corner: tuple[float, float],
    size: tuple[float, float],
    part: tuple[int, int],
    *,
    few: bool,
) -> None:
    (x, y), (wide, tall), (count, total) = corner, size, part
    share = count / total if total else 0.0
    drawing.box((x + 1, y + 1), (wide - 2, tall - 2), "cell")
    drawing.box((x + 1, y + 1), (wide - 2, tall - 2), "f0", max(0.001, _DARKEST * share))
    middle = y + tall / 2
    shown = few and total > 0
    drawing.text((x + wide / 2, middle - 2 if shown else middle + 4), f"{count:,}",
                 kind="count" if few else "tiny bare", anchor="middle")  # fmt: skip
    if shown:
        text = f"{100 * share:.0f}\u00a0%"
        drawing.text((x + wide / 2, middle + 14), text, kind="bare", anchor="middle")
