"""H621 to H629: films that are in a set more than once, under other names, splits or labels.

A film is all files that surely show it, so that one picture in five versions counts once. Whether
the files are equal to the byte does not matter to a score, only to the reader; a finding says so.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from hilum.data.lint.copies import Copies, Copy, first_places
from hilum.data.lint.record import Finding, Severity

__all__ = ["Entry", "duplicate_findings"]

_EXAMPLES = 20
_IN_A_ROW = 0.98
"""Two films of one patient taken in a row can be as alike as 0.97; they are no fault."""

_KINDS = {
    "bytes": "the same file",
    "pixels": "the same pixels in another file",
    "picture": "the same picture in another size, tone or compression",
    "crop": "the same picture, cropped",
    "mirrored": "the same picture, mirrored",
    "negative": "the same picture as a negative",
}
_TURNED = (
    (
        "H626",
        "mirrored",
        "mirror image",
        "Left and right are swapped in one of the two, or augmented copies were saved as films.",
    ),
    (
        "H627",
        "negative",
        "negative",
        "Black and white are swapped in one of the two, so bone is dark there and air is bright.",
    ),
)
_LEAK = "Roberts et al. 2021 (Nature Machine Intelligence); COVID-Net#25; elcronos/COVID-19#51"
_DROP = "Keep one file of each film (the original, if known), and drop the other rows."


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What the table says of one file; None is not known.

    Args:
        row: Row number in the manifest.
        path: As written there.
        source: Hospital or data set.
        patient: Patient id, unique within its source.
        split: Part it stands in.
        label: What it is said to show.
    """

    row: int
    path: str
    source: str | None = None
    patient: str | None = None
    split: str | None = None
    label: str | None = None

    def __str__(self) -> str:
        known = (f"row {self.row}", self.source, self.split, self.label)
        return f"{self.path} ({', '.join(part for part in known if part)})"


def duplicate_findings(copies: Copies, entries: Sequence[Entry]) -> list[Finding]:
    """Judge copies by what the table says of them.

    Args:
        copies: Pairs of places.
        entries: One a place.
    """
    certain = [pair for pair in copies.pairs if pair.certain]
    films = _Films(certain, entries)
    found = [*_across_splits(films), *_two_labels(films), *_two_patients(films)]
    found += [*_two_sources(films), *_twice(films), *_turned(certain, entries)]
    found += [*_possible(copies.pairs, entries), *_given_up(copies.left_out)]
    return found


class _Films:
    """Files that surely show one film, taken together.

    Args:
        pairs: Certain copies.
        entries: One a place.
    """

    def __init__(self, pairs: Sequence[Copy], entries: Sequence[Entry]) -> None:
        self.entries = entries
        first = first_places(pairs)
        self._pairs: dict[int, list[Copy]] = defaultdict(list)
        for pair in pairs:
            self._pairs[first[pair.left]].append(pair)

    def where(self, wanted: Callable[[Sequence[Entry]], bool]) -> list[list[Copy]]:
        """Return the pairs of every film whose files answer to `wanted`."""
        return [pairs for pairs in self._pairs.values() if wanted(self.files(pairs))]

    def files(self, pairs: Sequence[Copy]) -> list[Entry]:
        """Return the files of one film, or of several."""
        places = sorted({place for pair in pairs for place in (pair.left, pair.right)})
        return [self.entries[place] for place in places]


def _several(values: Sequence[object]) -> bool:
    """Say whether there are different known values."""
    return len({value for value in values if value}) > 1


def _across_splits(films: _Films) -> Iterator[Finding]:
    def split(entry: Entry) -> str | None:
        return entry.split

    yield from _finding(
        films,
        films.where(lambda files: _several([split(file) for file in files])),
        split,
        code="H621",
        severity="error",
        what="in more than one split",
        why="The test set holds films that were trained on: the score counts what was memorised.",
        cure="Keep one file of each film, or put all its files into one split.",
    )


def _two_labels(films: _Films) -> Iterator[Finding]:
    def label(entry: Entry) -> str | None:
        return entry.label

    yield from _finding(
        films,
        films.where(lambda files: _several([label(file) for file in files])),
        label,
        code="H622",
        severity="error",
        what="with different labels",
        why="At least one of the labels is wrong, in training or in the test.",
        cure="Ask the source which label is right; drop the film if nobody knows.",
    )


def _two_patients(films: _Films) -> Iterator[Finding]:
    def patient(entry: Entry) -> tuple[str | None, str | None] | None:
        return (entry.source, entry.patient) if entry.patient else None

    def within_one_source(files: Sequence[Entry]) -> bool:
        by_source = defaultdict(set)
        for file in files:
            if file.patient:
                by_source[file.source].add(file.patient)
        return any(len(patients) > 1 for patients in by_source.values())

    yield from _finding(
        films,
        films.where(within_one_source),
        patient,
        code="H623",
        severity="warning",
        what="under several patients of one source",
        why="Patient ids that do not tell patients apart cannot keep a split free of leaks.",
        cure="Give all files of a film one patient_id before splitting.",
    )


def _two_sources(films: _Films) -> Iterator[Finding]:
    def source(entry: Entry) -> str | None:
        return entry.source

    chosen = films.where(lambda files: _several([source(file) for file in files]))
    shared = Counter(
        " and ".join(sorted({file.source for file in films.files(pairs) if file.source}))
        for pairs in chosen
    )
    between = ", ".join(f"{names} {count:,}" for names, count in shared.most_common(3))
    yield from _finding(
        films,
        chosen,
        source,
        code="H624",
        severity="warning",
        what=f"in more than one source ({between})",
        why="One source took films from another: neither is an external test of the other, and no "
        "split by (source, patient) keeps them apart.",
        cure="Keep the source nearest to the hospital, and drop the copies in the others.",
    )


def _twice(films: _Films) -> Iterator[Finding]:
    def nothing_else(files: Sequence[Entry]) -> bool:
        patients = [(file.source, file.patient) for file in files if file.patient]
        others = ([file.split for file in files], [file.label for file in files], patients)
        return not any(_several(values) for values in others)

    chosen = films.where(nothing_else)
    yield from _finding(
        films,
        [film for film in chosen if min(pair.similarity for pair in film) >= _IN_A_ROW],
        lambda entry: entry.path,
        code="H625",
        severity="note",
        what="more than once for one patient, in one split, with one label",
        why="Each counts several times, in training and in every metric.",
        cure=_DROP,
    )


def _turned(pairs: Sequence[Copy], entries: Sequence[Entry]) -> Iterator[Finding]:
    for code, kind, what, why in _TURNED:
        chosen = [pair for pair in pairs if pair.kind == kind]
        if chosen:
            yield Finding(
                code=code,
                severity="warning",
                title=f"{_counted(len(chosen), 'pair')} of images, one the {what} of the other",
                count=len(chosen),
                examples=tuple(_shown(pair, entries) for pair in chosen[:_EXAMPLES]),
                why=why,
                cure="Look at both and keep the one that is right.",
                rows=_rows(chosen, entries),
            )


def _possible(pairs: Sequence[Copy], entries: Sequence[Entry]) -> Iterator[Finding]:
    """Yield the pairs that look alike more than two patients do, where it would matter."""

    def matters(pair: Copy) -> bool:
        one, other = entries[pair.left], entries[pair.right]
        known = one.patient and (one.source, one.patient) == (other.source, other.patient)
        return not pair.certain and not known

    chosen = sorted((pair for pair in pairs if matters(pair)), key=lambda pair: -pair.similarity)
    if chosen:
        yield Finding(
            code="H628",
            severity="note",
            title=f"{_counted(len(chosen), 'pair')} of images of different patients that may show "
            "one film, or one person twice",
            count=len(chosen),
            examples=tuple(_shown(pair, entries) for pair in chosen[:_EXAMPLES]),
            why="They are more alike than films of two people are as a rule.",
            cure="Look at each pair; if it is one person, give both one patient_id.",
            rows=_rows(chosen, entries),
        )


def _given_up(left_out: int) -> Iterator[Finding]:
    if left_out:
        yield Finding(
            code="H629",
            severity="note",
            title=f"{_counted(left_out, 'pair')} of similar images not compared closely",
            count=left_out,
            why="So much looks alike that only the likeliest pairs were compared; copies equal to "
            "the pixel were all found, others may have been missed.",
            cure="Lint each source by itself, and then the sources in pairs.",
        )


def _finding(
    films: _Films,
    chosen: Sequence[Sequence[Copy]],
    value: Callable[[Entry], object],
    *,
    code: str,
    severity: Severity,
    what: str,
    why: str,
    cure: str,
) -> Iterator[Finding]:
    """Yield one finding about films; its examples are pairs that differ in `value`."""
    if not chosen:
        return

    def telling(pair: Copy) -> bool:
        return _several([value(films.entries[place]) for place in (pair.left, pair.right)])

    pairs = [next(filter(telling, film), film[0]) for film in chosen]
    everything = [pair for film in chosen for pair in film]
    files = films.files(everything)
    kinds = Counter(pair.kind for pair in pairs)
    exact = kinds["bytes"] + kinds["pixels"]
    yield Finding(
        code=code,
        severity=severity,
        title=f"{_counted(len(chosen), 'film')} {what} ({len(files):,} images; {exact:,} the same "
        f"to the pixel, {len(pairs) - exact:,} re-encoded, cropped or turned)",
        count=len(chosen),
        examples=tuple(_shown(pair, films.entries) for pair in pairs[:_EXAMPLES]),
        why=why,
        cure=cure,
        said_by=_LEAK if code in ("H621", "H622", "H624") else "",
        rows=tuple(sorted(file.row for file in files)),
    )


def _shown(pair: Copy, entries: Sequence[Entry]) -> str:
    alike = "" if pair.similarity == 1 else f", {pair.similarity:.3f} alike"
    doubt = "" if pair.certain else "perhaps "
    return f"{entries[pair.left]} and {entries[pair.right]}: {doubt}{_KINDS[pair.kind]}{alike}"


def _rows(pairs: Sequence[Copy], entries: Sequence[Entry]) -> tuple[int, ...]:
    places = {place for pair in pairs for place in (pair.left, pair.right)}
    return tuple(sorted(entries[place].row for place in places))


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
