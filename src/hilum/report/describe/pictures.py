"""Which pictures a description has, and what is said of each, for eyes and for screen readers.

A picture is left out where there is nothing to show: no ages known, no file found. Separate from
the drawing, which knows shapes and colours, and from the page, which knows places.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hilum.report.describe import figures_films, figures_shares, figures_spread
from hilum.report.describe.collect import UNKNOWN, Cross, Facts, Spread
from hilum.report.describe.confounding import Confounding, LabelConfounding
from hilum.report.describe.films import CLASSES, SOURCES, Choice, Film, Reading
from hilum.report.describe.sizes import Sizes
from hilum.report.drawing import Mark, percent
from hilum.report.shell import Picture

__all__ = ["Gathered", "draw_all", "in_words", "left_unseen", "statement"]


@dataclass(frozen=True, slots=True)
class Gathered:
    """Everything that was found out, for drawing and for the page.

    Args:
        facts: What the manifest says.
        confounding: What the source says of the label: over all, then in each split.
        sizes: Of the images.
        choice: Rows of the films that were to be read.
        reading: What became of them.
        greys: Grey levels by source, of the films read.
    """

    facts: Facts
    confounding: tuple[Confounding, ...]
    sizes: Sizes
    choice: Choice
    reading: Reading
    greys: tuple[Spread, ...]


def in_words(found: Confounding) -> list[str]:
    """Return what the source says of the label, in a few plain sentences.

    Args:
        found: Over all images, or one split.
    """
    if not found.images:
        return ["No image has a label, so no source can give it away."]
    lines = [f"The source alone decides the label of {found.decided:,} of {found.images:,} images."]
    if (worst := _one_that_says_more(found)) is not None:
        lines.append(
            f"Whether an image is {worst.label} or not, the source decides for "
            f"{worst.decided:,} of {found.images:,}."
        )
    right, plain = found.majority / found.images, found.commonest / found.images
    line = f"Answering with each source's commonest label is right for {percent(right)} of images"
    lines.append(f"{line}; without the source, {percent(plain)}.")
    return lines


def _one_that_says_more(found: Confounding) -> LabelConfounding | None:
    """Return the label that the source decides for most images, and for more than it does all."""
    worst = found.worst
    if worst is None or worst.decided <= max(found.decided, found.images / 2):
        return None
    return worst


def statement(parts: Sequence[Confounding]) -> list[str]:
    """Return what the source says of the label over all, and in the split that is scored.

    Args:
        parts: Over all images first, then each split.
    """
    lines = in_words(parts[0])
    for part in parts[1:]:
        if part.where == "test" and part.images:
            lines.append(
                f"In the split test, it alone decides {part.decided:,} of {part.images:,} labels."
            )
    return lines


def draw_all(
    gathered: Gathered, marks: Mapping[str, Mark], folder: Path
) -> dict[str, list[Picture]]:
    """Draw every picture there is something to show in.

    Args:
        gathered: What was found out.
        marks: Of the classes.
        folder: Where the PNGs go.

    Returns:
        Pictures by section of the page: source, counts, people, known, files, films, examples,
        sheets.
    """
    return {
        "source": [*_confounding(gathered, marks, folder)],
        "counts": [*_counts(gathered.facts, marks, folder)],
        "people": [*_people(gathered.facts, marks, folder)],
        "known": [*_known(gathered.facts, folder)],
        "files": [*_sizes(gathered.sizes, folder)],
        "films": [*_means(gathered, folder), *_greys(gathered, folder)],
        "examples": [*_examples(gathered, folder)],
        "sheets": [*_sheets(gathered, marks, folder)],
    }


def _confounding(gathered: Gathered, marks: Mapping[str, Mark], folder: Path) -> Iterator[Picture]:
    by_label = gathered.facts.crosses["source by label"]
    said = _headline(gathered.confounding)
    figures_shares.draw_confounding(by_label, marks, said, folder / "confounding.png")
    yield Picture(
        "confounding.png",
        "Left, the labels that each source has; right, what they would be if the source told "
        "nothing. The more the two sides differ, the more a network can score by learning the "
        "hospital. A bar is as thick as its source has images, the thinnest somewhat thicker.",
        f"Bars of the share of each label in each source. {' '.join(said)} "
        + _rows_in_words(by_label),
        wide=True,
    )


def _headline(parts: Sequence[Confounding]) -> list[str]:
    """Return the strongest of the sentences, how strong, and what holds where models are scored."""
    said, found = statement(parts), parts[0]
    if found.cramers_v is None:
        return said[:1]
    worst = _one_that_says_more(found)
    line = f"Cramér's V of source and label {found.cramers_v:.2f}"
    if worst is not None:
        line += f", of source and {worst.label} {worst.cramers_v:.2f}"
    scored = said[-1:] if said[-1].startswith("In the split") else []
    first = said[0 if worst is None else 1]
    return [first, *scored, f"{line} (0: unrelated, 1: one decides the other)."]


def _rows_in_words(cross: Cross, rows: int = 12) -> str:
    """Return the shares of a table in words, for who cannot see its picture."""
    parts = []
    for name, counts in list(zip(cross.rows, cross.images, strict=True))[:rows]:
        total = sum(counts)
        shares = [
            f"{column} {percent(n / total)}"
            for column, n in zip(cross.columns, counts, strict=True)
            if n
        ]
        parts.append(f"{name}: {', '.join(shares) or 'none'}")
    return "; ".join(parts) + "."


def _counts(facts: Facts, marks: Mapping[str, Mark], folder: Path) -> Iterator[Picture]:
    groups = {"Classes": facts.counts["label"], "Sources": facts.counts["source"]}
    figures_shares.draw_counts(groups, marks, folder / "counts.png")
    said = "; ".join(
        f"{count.value} {count.images:,}" for counts in groups.values() for count in counts[:12]
    )
    yield Picture(
        "counts.png", "Images and patients of each class and source.", f"Bars of images: {said}."
    )


def _people(facts: Facts, marks: Mapping[str, Mark], folder: Path) -> Iterator[Picture]:
    if any(spread.known for spread in facts.ages):
        title = "Age by class (point: median, line: middle half)"
        figures_spread.draw_ridges(
            facts.ages, title, "Age in years", folder / "age.png", marks=marks
        )
        yield Picture(
            "age.png",
            "Age by class, where it is known, in bins of five years; each ridge is as high as its "
            "own highest bin. Classes of different ages can be told apart by age alone.",
            f"Histograms of age by class. {_spreads_in_words(facts.ages, 'years')}",
        )
    shares = {
        "label by split": ("split.png", "Split by class", ""),
        "label by sex": ("sex.png", "Sex by class", "F female, M male, ? unknown. "),
        "source by sex": ("sex-by-source.png", "Sex by source", "F female, M male, ? unknown. "),
        "label by view": ("view.png", "View by class", ""),
        "source by view": ("view-by-source.png", "View by source", ""),
    }
    for key, (file, title, legend) in shares.items():
        cross = facts.crosses[key]
        if any(column != UNKNOWN for column in cross.columns):
            figures_shares.draw_shares(cross, title, folder / file)
            yield Picture(
                file,
                f"{title}: shares of images. {legend}",
                f"{title}. {_rows_in_words(cross)}",
            )


def _spreads_in_words(spreads: Sequence[Spread], unit: str, places: int = 0) -> str:
    parts = []
    for spread in spreads:
        if spread.known:
            _, low, middle, high, _ = (f"{value:,.{places}f}" for value in spread.quantiles)
            parts.append(f"{spread.group}: median {middle} {unit}, middle half {low} to {high}")
    return "; ".join(parts) + "."


def _known(facts: Facts, folder: Path) -> Iterator[Picture]:
    figures_shares.draw_known(facts.known, folder / "known.png")
    parts = []
    for number, column in enumerate(facts.known.columns):
        missing = facts.images - sum(row[number] for row in facts.known.known)
        if missing:
            parts.append(f"{column} of {missing:,}")
    yield Picture(
        "known.png",
        "What is known of each source's images. A column that one source fills and another leaves "
        "empty tells them apart.",
        f"Table of shares of known values by source. Missing: {', '.join(parts) or 'nothing'}.",
    )


def _sizes(sizes: Sizes, folder: Path) -> Iterator[Picture]:
    if not sizes.known:
        return
    figures_spread.draw_dimensions(sizes, folder / "sizes.png")
    first = [f"{size.width} x {size.height}: {size.images:,}" for size in sizes.dimensions[:5]]
    yield Picture(
        "sizes.png",
        f"How often the commonest sizes occur, on a logarithmic scale; from {sizes.origin}.",
        f"Bars of images by size. Commonest: {'; '.join(first)}.",
    )
    title = "Shorter side by source"
    label = "Pixels, logarithmic scale"
    figures_spread.draw_ridges(sizes.sides, title, label, folder / "sides.png", log=True)
    yield Picture(
        "sides.png",
        "The shorter side of the images of each source. Where sources differ, how sharp a film "
        "still is after resizing gives its source away.",
        f"Histograms of the shorter side. {_spreads_in_words(sizes.sides, 'pixels')}",
    )
    figures_spread.draw_ridges(
        sizes.aspects,
        "Width over height by source",
        "Width / height (1 = square)",
        folder / "aspects.png",
        number="{:.2f}".format,
    )
    yield Picture(
        "aspects.png",
        "Width over height of the images of each source. Stretching to a square writes this "
        "number into every film.",
        f"Histograms of width over height. {_spreads_in_words(sizes.aspects, '', 2)}",
    )


def _means(gathered: Gathered, folder: Path) -> Iterator[Picture]:
    films = gathered.reading.films
    cells = {
        key: [films[row] for row in rows if row in films]
        for key, rows in gathered.choice.cells.items()
    }
    sources = [name for name in gathered.facts.sources if any(k[0] == name for k in cells)][:8]
    classes = [name for name in gathered.facts.classes if any(k[1] == name for k in cells)]
    if not any(cells.values()):
        return
    figures_films.draw_means(cells, sources, classes, folder / "means.png")
    held = [f"{label} of {source}" for (source, label), found in cells.items() if found]
    yield Picture(
        "means.png",
        "Mean films: what all films of a class and a source have in common. Sources that can be "
        "told apart here by eye will be told apart by a network.",
        f"A grid of mean films, classes in rows, sources in columns: {', '.join(held)}.",
        film=True,
        wide=len(sources) > 4,
    )


def _greys(gathered: Gathered, folder: Path) -> Iterator[Picture]:
    if gathered.greys:
        title = "Grey levels by source (point: median, line: middle half)"
        figures_spread.draw_ridges(
            gathered.greys, title, "Grey level, 0 black to 255 white", folder / "greys.png",
            noun="films",
        )  # fmt: skip
        yield Picture(
            "greys.png",
            "How the pixels of each source's films are spread over the grey levels.",
            f"Histograms of grey levels. {_spreads_in_words(gathered.greys, '')}",
        )


def _examples(gathered: Gathered, folder: Path) -> Iterator[Picture]:
    for number, (label, rows) in enumerate(gathered.choice.examples.items(), 1):
        films = [gathered.reading.films[row] for row in rows if row in gathered.reading.films]
        if films:
            file = f"examples-{number:02d}-{slug(label)}.png"
            figures_films.draw_examples(films, f"Class {label}", folder / file)
            names = ", ".join(f"{Path(film.path).name} ({film.source})" for film in films)
            yield Picture(
                file,
                f"{label}: films as they are, how their pixels add up over the grey levels, and "
                f"the films equalised. Files: {names}.",
                f"{len(films)} films of class {label}, each with its cumulative histogram and "
                "equalised.",
                film=True,
            )


def _sheets(gathered: Gathered, marks: Mapping[str, Mark], folder: Path) -> Iterator[Picture]:
    images = {count.value: count.images for count in gathered.facts.counts["source"]}
    for number, (source, rows) in enumerate(gathered.choice.sheets.items(), 1):
        films = [gathered.reading.films[row] for row in rows if row in gathered.reading.films]
        if films:
            file = f"contact-{number:02d}-{slug(source)}.png"
            title = f"{source}: {len(films)} of {images[source]:,} films"
            figures_films.draw_contact_sheet(films, title, marks, folder / file)
            yield Picture(file, f"{title}, drawn at random.", _sheet_in_words(title, films),
                          film=True, wide=True)  # fmt: skip


def _sheet_in_words(title: str, films: Sequence[Film]) -> str:
    counts = Counter(film.label for film in films)
    return f"Contact sheet of {title}: " + ", ".join(f"{n} {name}" for name, n in counts.items())


def slug(name: str) -> str:
    """Return a name that is safe in a file's name.

    >>> slug("St. Mary's <b>")
    'st-mary-s-b'
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "x"


def left_unseen(facts: Facts) -> list[str]:
    """Return what the pictures of films leave out, in words."""
    lines = []
    if len(facts.sources) > SOURCES:
        lines.append(f"Films are shown of the {SOURCES} largest of {len(facts.sources)} sources.")
    if len(facts.classes) > CLASSES:
        lines.append(f"Films are shown of {CLASSES} of {len(facts.classes)} classes.")
    return lines
