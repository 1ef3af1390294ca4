"""The file that measured rows are kept in, with the machine they were measured on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from hilum.benchmark.row import Row
from hilum.data.atomic import replacing
from hilum.errors import DataError
from hilum.report.destination import made_folder

__all__ = ["Results", "read_results", "write_results"]

FORMAT = "hilum-speed"
_NUMBERS = ("ours", "theirs", "ratio", "target")
_WORDS = ("claim", "peer", "unit", "wanted", "group", "note", "missing")


@dataclass(frozen=True, kw_only=True)
class Results:
    """Everything one run measured.

    Args:
        command: What was typed.
        measured: When it began, in UTC.
        seconds: It took.
        against: Whether peers were run.
        quick: Whether it was a run that shows that everything works, and measures nothing.
        busy: Whether the machine had other work before it began.
        machine: Processor, cores, instructions, memory, system, Python.
        versions: Of all packages that took part.
        groups: Of each: name, seconds, and the load average before and after.
        rows: What was measured.
    """

    command: str
    measured: str
    seconds: float
    against: bool
    quick: bool
    busy: bool
    machine: Mapping[str, Any]
    versions: Mapping[str, str]
    groups: tuple[Mapping[str, Any], ...]
    rows: tuple[Row, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"format": FORMAT, "format_version": 1, **asdict(self)}

    @classmethod
    def from_dict(cls, values: Any) -> Results:
        """Return what `to_dict` made plain.

        Raises:
            ValueError: If it is something else; says what.
        """
        if not isinstance(values, dict) or values.get("format") != FORMAT:
            raise ValueError(f'expected an object with "format": "{FORMAT}"')
        names = [each.name for each in fields(cls)]
        lost = [name for name in names if name not in values]
        if lost:
            raise ValueError(f"it lacks {', '.join(lost)}")
        rows = tuple(_row(number, row) for number, row in enumerate(values["rows"], start=1))
        return cls(
            **{name: values[name] for name in names if name not in {"rows", "groups"}},
            groups=tuple(values["groups"]), rows=rows,
        )  # fmt: skip


def _row(number: int, values: Any) -> Row:
    known = {each.name for each in fields(Row)}
    if not isinstance(values, dict) or set(values) != known:
        got = sorted(values) if isinstance(values, dict) else values
        raise ValueError(f"row {number}: expected the fields {sorted(known)}, got {got}")
    wrong = [
        f"{name} must be a number, got {values[name]!r}"
        for name in _NUMBERS
        if values[name] is not None and not isinstance(values[name], int | float)
    ]
    wrong += [
        f"{name} must be text, got {values[name]!r}"
        for name in _WORDS
        if not isinstance(values[name], str)
    ]
    if wrong:
        raise ValueError(f"row {number}: {'; '.join(wrong)}")
    return Row(**values)


def write_results(folder: str | Path, results: Results) -> list[Path]:
    """Write speed.json and, where a ratio was measured, speed.svg; each whole or not at all.

    Args:
        folder: Made if it does not exist.
        results: What was measured.

    Returns:
        The files written.

    Raises:
        DataError: If the folder cannot be made.
    """
    from hilum.benchmark.plot import speed_plot

    place = made_folder(folder)
    text = json.dumps(results.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
    with replacing(place / "speed.json") as file:
        file.write(f"{text}\n".encode())
    drawn = speed_plot(results)
    if drawn is None:
        (place / "speed.svg").unlink(missing_ok=True)
        return [place / "speed.json"]
    with replacing(place / "speed.svg") as file:
        file.write(drawn.encode())
    return [place / "speed.json", place / "speed.svg"]


def read_results(path: str | Path) -> Results:
    """Read a speed.json.

    Raises:
        DataError: If there is no such file, or it is something else.
    """
    try:
        values = json.loads(Path(path).read_text(encoding="utf-8"))
        return Results.from_dict(values)
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror}.") from error
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(
            f"{path} is no file of `hilum bench --out`: {error}. Make one with: "
            "hilum bench --out FOLDER"
        ) from error
