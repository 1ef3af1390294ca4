"""Measured rows as a table: in plain text for a terminal, in Markdown for a document."""

from __future__ import annotations

from itertools import groupby
from textwrap import wrap

from hilum.benchmark.results import Results
from hilum.benchmark.row import Row

__all__ = ["figure", "markdown_table", "text_table"]

_CLAIM, _PEER = 46, 40


def figure(value: float, unit: str) -> str:
    """Return a figure with three digits that count, and its unit.

    >>> figure(0.0412, "s"), figure(12345.6, "images/s"), figure(43.04, "ms")
    ('0.0412 s', '12,346 images/s', '43 ms')
    """
    digits = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{digits} {unit}".rstrip()


def _ratio(row: Row) -> str:
    if row.ratio is None:
        return ""
    return f"{row.ratio:,.0f}" if row.ratio >= 100 else f"{row.ratio:.2f}"


def _met(row: Row) -> str:
    return "" if row.met is None else ("yes" if row.met else "NO")


def _theirs(row: Row) -> str:
    if row.theirs is None:
        return "" if row.peer == "limit" else row.peer
    return f"{row.peer}, {figure(row.theirs, row.unit)}"


def text_table(results: Results) -> str:
    """Return all rows under the names of their groups, and what to think of them."""
    lines = []
    for name, rows in groupby(results.rows, lambda row: row.group):
        lines.append(f"{name}")
        for row in rows:
            lines += _text_row(row)
    wanted = [row for row in results.rows if row.met is not None]
    missed = sum(not row.met for row in wanted)
    lost = sum(bool(row.missing) for row in results.rows)
    lines.append(f"{len(results.rows)} rows; {len(wanted)} have a target, {missed} miss it"
                 f"{f'; {lost} not measured' if lost else ''}.")  # fmt: skip
    if results.quick:
        lines.append("A quick run: it shows that everything works, and its figures say nothing.")
    return "\n".join(lines)


def _text_row(row: Row) -> list[str]:
    """Return a row as lines: what does not fit runs on below."""
    claims = wrap(row.claim, _CLAIM)
    if row.missing:
        peers, rest = wrap(f"not measured: {row.missing}", _PEER + 40), ""
        ours = ""
    else:
        peers = wrap(_theirs(row), _PEER) or [""]
        ours = "" if row.ours is None else figure(row.ours, row.unit)
        rest = f"{_ratio(row):>7}  {_met(row):<3}  {row.wanted}".rstrip()
    lines = [f"  {claims[0]:<{_CLAIM}} {ours:>16}  {peers[0]:<{_PEER}} {rest}".rstrip()]
    for number in range(1, max(len(claims), len(peers))):
        claim = claims[number] if number < len(claims) else ""
        peer = peers[number] if number < len(peers) else ""
        lines.append(f"  {claim:<{_CLAIM}} {'':>16}  {peer}".rstrip())
    if row.note:
        lines.append(f"    {row.note}")
    return lines


def markdown_table(results: Results) -> str:
    """Return a paragraph on the machine, and a table of all rows."""
    lines = [
        _paragraph(results),
        "",
        "| group | what | hilum | peer | ratio | wanted | met |",
        "| --- | --- | ---: | --- | ---: | --- | --- |",
    ]
    last = ""
    for row in results.rows:
        ours = "not measured" if row.ours is None else figure(row.ours, row.unit)
        peer = f"{row.peer}: `{row.missing}`" if row.missing else _theirs(row)
        met = "**NO**" if row.met is False else _met(row)
        claim = row.claim + (f" ({row.note})" if row.note else "")
        cells = ("" if row.group == last else row.group, claim, ours, peer, _ratio(row),
                 row.wanted, met)  # fmt: skip
        lines.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
        last = row.group
    return "\n".join(lines)


def _paragraph(results: Results) -> str:
    machine = results.machine
    versions = ", ".join(f"{name} {text}" for name, text in results.versions.items())
    instructions = ", ".join(machine["instructions"]) or "no instructions listed"
    said = (
        f"Measured {results.measured[:10]} in {_spent(results.seconds)} with "
        f"`{results.command}`: {machine['threads']} of {machine['cores_used']} cores of "
        f"{machine['processor']} "
        f"({instructions}), {machine['memory_gb']} GB, {machine['system']}, "
        f"Python {machine['python']}; {versions}."
    )
    if results.busy:
        said += " **The machine had other work.**"
    return f"{said} **A quick run: the figures say nothing.**" if results.quick else said


def _spent(seconds: float) -> str:
    """Return a duration in words.

    >>> _spent(61.0), _spent(600.0)
    ('61 s', '10 minutes')
    """
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} minutes"
