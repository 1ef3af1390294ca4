"""A description as one HTML file: it opens anywhere, prints, and asks nothing of the network.

The charts are embedded as they are; pictures of films as JPEG, so that the page stays small enough
to be sent, while the PNGs beside it keep every pixel.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hilum.report.describe.collect import UNKNOWN
from hilum.report.describe.pictures import Gathered, statement
from hilum.report.shell import Picture, embedded, environment

__all__ = ["page"]

_ROWS = 40
_MAY_LACK = (("split", "split"), ("view", "view"), ("sex", "sex"), ("age", "age_group"))


def page(
    record: dict[str, Any],
    gathered: Gathered,
    pictures: dict[str, list[Picture]],
    folder: Path,
) -> str:
    """Return the page's text.

    Args:
        record: Every number, as describe.json holds it.
        gathered: What was found out.
        pictures: By section.
        folder: Where the PNGs lie.
    """
    shown = {
        section: [(picture, embedded(folder / picture.file, picture)) for picture in group]
        for section, group in pictures.items()
    }
    return (
        environment()
        .get_template("describe.html")
        .render(
            record=record,
            facts=gathered.facts,
            confounding=gathered.confounding,
            statement=statement(gathered.confounding),
            sizes=gathered.sizes,
            pictures=shown,
            unsaid=[name for name, key in _MAY_LACK if _nothing_known(gathered, key)],
            unreadable=record["files"]["unreadable"],
            rows=_ROWS,
        )
    )


def _nothing_known(gathered: Gathered, column: str) -> bool:
    return all(count.value == UNKNOWN for count in gathered.facts.counts[column])
