"""Where every number comes from: commands, versions, hashes, recipes."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hilum.report.whole.blocks import Block, Code, Facts, Section
from hilum.report.whole.evaluated import Evaluated
from hilum.report.whole.gather import Found, Piece
from hilum.report.whole.verdicts import audit_facts

__all__ = ["provenance"]


def provenance(found: Found, evaluations: Sequence[Evaluated]) -> Iterator[Section]:
    """Return commands, versions, hashes and recipes of everything found."""
    for number, one in enumerate(evaluations, start=1):
        yield Section(f"from-evaluation-{number}", f"Scores: {one.name}", [_evaluation(one)])
    for number, audit in enumerate(found.audits, start=1):
        name = audit["about"].get("bundle", "a model")
        yield Section(f"from-audit-{number}", f"Audit: {name}", [audit_facts(audit.values)])
    for number, run in enumerate(found.runs, start=1):
        yield Section(f"from-run-{number}", f"Training: {run['name']}", list(_run(run)))
    for number, bundle in enumerate(found.bundles, start=1):
        yield Section(f"from-bundle-{number}", f"Bundle: {bundle['name']}", [_bundle(bundle)])
    for number, piece in enumerate(
        [*found.comparisons, *found.errors, *found.calibrations], start=1
    ):
        yield Section(f"from-other-{number}", f"{piece.folder.name}", [_other(piece)])


def _facts(folder: Any, pairs: Sequence[tuple[str, Any]]) -> Facts:
    known = [("Folder", str(folder)), *((name, value) for name, value in pairs if value)]
    return Facts([(name, str(value)) for name, value in known], code=True)


def _words(values: Mapping[str, Any] | None) -> str:
    return ", ".join(f"{name} {value}" for name, value in (values or {}).items())


def _evaluation(one: Evaluated) -> Facts:
    values = one.values
    intervals, manifest = values.get("intervals") or {}, values.get("manifest") or {}
    return _facts(
        one.folder,
        [
            ("Scored", values.get("scored")),
            ("Its sha256", values.get("scored_sha256")),
            ("Manifest", manifest.get("path")),
            ("Its sha256", manifest.get("sha256")),
            ("Split", values.get("split")),
            ("Level", intervals.get("level")),
            ("Resamples", intervals.get("resamples")),
            ("Seed", str(intervals.get("seed", ""))),
        ],
    )


def _run(run: Piece) -> Iterator[Block]:
    manifest, cache, git = (run.get(name, {}) for name in ("manifest", "cache", "git"))
    commit = git.get("commit")
    yield _facts(
        run.folder,
        [
            ("Command", shlex.join(map(str, run.get("command", ())))),
            ("Versions", _words(run.get("versions"))),
            (
                "Code",
                f"{commit}{', changed since' if git.get('changed') else ''}" if commit else "",
            ),
            ("Manifest", manifest.get("path")),
            ("Its sha256", manifest.get("sha256")),
            ("Prepared pictures", cache.get("hash")),
            ("Began", run.get("started")),
            ("Ended", run.get("finished")),
        ],
    )
    recipe = run.folder / "recipe.yaml"
    if recipe.is_file():
        yield Code("Recipe", recipe.read_text(encoding="utf-8", errors="replace"))


def _bundle(bundle: Piece) -> Facts:
    training = bundle.get("training", {})
    files = {name: file.get("sha256") for name, file in bundle.get("files", {}).items()}
    return _facts(
        bundle.folder,
        [
            ("Id", bundle["id"]),
            ("Made", bundle.get("created")),
            ("hilum", bundle.get("hilum_version")),
            ("Preprocessing", bundle.get("preprocessing_hash")),
            ("Trained on manifest", training.get("manifest_sha256")),
            ("Files", _words(files)),
            ("Versions", _words(bundle.get("versions"))),
        ],
    )


def _other(piece: Piece) -> Facts:
    manifest = piece.get("manifest", {})
    return _facts(
        piece.folder,
        [
            ("Command", piece.get("command")),
            ("First", piece.get("a_path")),
            ("Second", piece.get("b_path")),
            ("Scored", piece.get("scored")),
            ("Bundle", piece.get("id")),
            ("Manifest", manifest.get("sha256") if isinstance(manifest, Mapping) else manifest),
            ("hilum", piece.get("version")),
            ("Date", piece.get("date")),
        ],
    )
