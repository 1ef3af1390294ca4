"""What a person reads of a build, and what a machine does."""

from __future__ import annotations

import json
from pathlib import Path

from hilum.data.sources import LeftOut, Reconciliation, SourceCount

RECORD = Reconciliation(
    name="set 2",
    listed=1234,
    sources=(SourceCount("one", 1000, 990, 4, 6), SourceCount("other", 200, 200, 0, 0)),
    labels=(("train", "covid", 1100), ("train", "normal", 90), ("test", "covid", 4)),
    renamed=(("a.png", "x/a.jpg", "extension"), ("b.png", "x/b.jpg", "extension")),
    missing=tuple((f"m{number}.png", "one") for number in range(6)),
    extra=("stray.png",),
    left_out=(LeftOut("listed again", 34, ("row 3: a.png",)), LeftOut("of no class", 1)),
    published=("published: somebody says 1,200 images; the same here",),
    notes=("Handle with care.",),
)


def test_all_sources_together_are_their_sum() -> None:
    assert RECORD.total == SourceCount("all", 1200, 1190, 4, 6)


def test_the_text_tells_everything_in_order() -> None:
    assert RECORD.text().splitlines() == [
        "set 2: 1,234 rows listed",
        "  source        expected     found   renamed   missing",
        "  one              1,000       990         4         6",
        "  other              200       200         0         0",
        "  all              1,200     1,190         4         6",
        "",
        "  in manifest    covid   normal",
        "  train          1,100       90",
        "  test               4        0",
        "",
        "left out 34: listed again, for example row 3: a.png",
        "left out 1: of no class",
        "renamed 2 by extension: a.png is x/a.jpg; b.png is x/b.jpg",
        "missing 6: m0.png; m1.png; m2.png; m3.png; m4.png; ... and 1 more",
        "extra 1 that no list names: stray.png",
        "published: somebody says 1,200 images; the same here",
        "note: Handle with care.",
    ]


def test_long_names_do_not_break_the_columns() -> None:
    name = "a-source-with-a-name-that-is-long"
    record = Reconciliation(
        name="x", listed=1, sources=(SourceCount(name, 1, 1, 0, 0),), labels=(("", "covid", 1),)
    )
    header, row = record.text().splitlines()[1:3]
    assert len(header) == len(row)
    assert "all" not in header


def test_lists_only_show_no_column_of_files() -> None:
    record = Reconciliation(
        name="x", listed=1, sources=(SourceCount("a", 1, 0, 0, 0),), labels=(), lists_only=True
    )
    assert "found" not in record.text()
    assert "the manifest holds no image" in record.text()


def test_the_file_holds_every_name(tmp_path: Path) -> None:
    RECORD.write(tmp_path / "r.json")
    record = json.loads((tmp_path / "r.json").read_text())
    assert len(record["missing"]) == 6
    assert record["renamed"][0] == ["a.png", "x/a.jpg", "extension"]
    assert record["left_out"][0] == {
        "reason": "listed again",
        "count": 34,
        "examples": ["row 3: a.png"],
    }
    assert record["total"]["missing"] == 6
