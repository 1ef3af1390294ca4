"""Splitting again what was published with a split, or leaving a whole hospital out.

Both keep some rows where they are and deal the patients of the rest. Nobody who stands among the
rows that stay may stand among those that are dealt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import polars as pl

from hilum.data.manifest import Manifest
from hilum.data.splits import DEFAULT_FRACTIONS, check_no_leak, split_by_patient
from hilum.errors import DataError, LeakageError
from hilum.registry import suggestion

__all__ = ["REST_FRACTIONS", "split_by_source", "split_rest"]

REST_FRACTIONS: Mapping[str, float] = {"train": 0.85, "val": 0.15}
"""Shares of what remains when the test split is given."""

_PATIENT = ["source", "patient_id"]
_SHOWN = 5


def split_rest(
    manifest: Manifest,
    *,
    keep: Sequence[str] = (),
    fractions: Mapping[str, float] | None = None,
    seed: int = 0,
) -> Manifest:
    """Part a manifest by patient, leaving some of its splits as they are.

    Args:
        manifest: With a split column, if any split is to be kept.
        keep: Splits that stay as published.
        fractions: Share of the other images for each new split; default train, val and test, or
            train and val if anything is kept.
        seed: Of the shuffling.

    Raises:
        DataError: If a split to keep does not occur, nothing remains, or there are too few
            patients.
        LeakageError: If a patient of a kept split stands elsewhere, too, in another split.
        ValueError: If the fractions are no shares, or name a split that is kept.
    """
    shares = fractions or _default_shares(keep)
    for name in keep:
        if name not in manifest.splits:
            hint = suggestion(name, manifest.splits) if manifest.splits else "It has no splits."
            raise DataError(f"There is no split {name!r} to keep. {hint}")
    if both := sorted({*keep} & {*shares}):
        raise ValueError(f"fractions must not name a split that is kept, got {', '.join(both)}")
    if not keep:
        return _deal(manifest, pl.repeat(value=False, n=len(manifest), eager=True), shares, seed)
    stays = manifest.frame["split"].is_in([*keep]).fill_null(value=False)
    _check_apart(manifest, stays)
    return _deal(manifest, stays, shares, seed)


def _default_shares(keep: Sequence[str]) -> Mapping[str, float]:
    """Return the usual shares of the splits that are not kept, made to sum to 1."""
    usual = REST_FRACTIONS if keep else DEFAULT_FRACTIONS
    left = {name: share for name, share in usual.items() if name not in keep}
    return {name: share / sum(left.values()) for name, share in left.items()}


def split_by_source(
    manifest: Manifest,
    test_sources: Sequence[str],
    *,
    fractions: Mapping[str, float] | None = None,
    seed: int = 0,
) -> Manifest:
    """Put whole sources into test, and part the patients of all others.

    Args:
        manifest: Its split column, if it has one, is replaced.
        test_sources: Hospitals or data sets that nothing is fitted on.
        fractions: Share of the other images for each split but test.
        seed: Of the shuffling.

    Returns:
        The manifest, with a note for each label that test lacks.

    Raises:
        DataError: If a source does not occur, or no other is left.
        ValueError: If the fractions are no shares, or name test.
    """
    shares = fractions or REST_FRACTIONS
    held = sorted(manifest.frame["source"].unique())
    for name in test_sources:
        if name not in held:
            raise DataError(f"There is no source {name!r}. {suggestion(name, held)}")
    if "test" in shares:
        raise ValueError("fractions must not name test: the test sources are the test split")
    stays = manifest.frame["source"].is_in([*test_sources])
    split = pl.when(stays).then(pl.lit("test")).otherwise(None)
    done = _deal(
        replace(manifest, frame=manifest.frame.with_columns(split=split)), stays, shares, seed
    )
    test = set(done.select(split="test").labels)
    lacks = [label for label in done.labels if label not in test]
    lacking = [f"Test ({', '.join(test_sources)}) has no image of {label!r}." for label in lacks]
    return replace(done, notes=(*done.notes, *lacking))


def _deal(manifest: Manifest, stays: pl.Series, shares: Mapping[str, float], seed: int) -> Manifest:
    """Deal the rows that do not stay; the order of rows is kept."""
    frame = manifest.frame.with_row_index("\0at")
    kept, rest = frame.filter(stays), frame.filter(~stays)
    if not rest.height:
        raise DataError("Nothing remains to be split: every image stays where it is")
    dealt = split_by_patient(replace(manifest, frame=rest), fractions=shares, seed=seed).frame
    whole = pl.concat([kept, dealt.select(kept.columns)] if kept.height else [dealt])
    notes = tuple(note for note in manifest.notes if "in more than one split" not in note)
    done = replace(manifest, frame=whole.sort("\0at").drop("\0at"), notes=notes)
    check_no_leak(done)
    return done


def _check_apart(manifest: Manifest, stays: pl.Series) -> None:
    """Refuse a split to keep whose patients stand outside it, too."""
    frame = manifest.frame.with_columns(split=pl.col("split").fill_null("(none)"))
    mine = frame.filter(stays).select(_PATIENT).unique()
    outside = frame.filter(~stays).join(mine, on=_PATIENT, how="semi")
    if not outside.height:
        return
    people = outside.select(*_PATIENT, "split").unique(maintain_order=True)
    lines = [
        f"  - patient {patient!r} of {source!r} stands in {split}, too"
        for source, patient, split in people.head(_SHOWN).iter_rows()
    ]
    count = people.select(_PATIENT).unique().height
    raise LeakageError(
        f"{count} patient(s) of the split to keep stand outside it. Take their other images "
        "out of the manifest, or part all of it anew without --keep.\n" + "\n".join(lines)
    )
