from __future__ import annotations

from dataclasses import replace

from hilum.screening.card import model_card
from hilum.screening.record import BundleRecord


def test_the_card_says_what_the_record_says(record: BundleRecord) -> None:
    card = model_card(
        replace(
            record,
            training={"n_images": 1675, "n_patients": 1344, "sources": {"nih": 900, "cohen": 60}},
            measured={"test": {"macro_auroc": {"value": 0.93, "low": 0.9, "high": 0.951}}},
            licence="CC BY-NC 4.0",
        )
    )
    assert card.startswith("# tiny\n\n**Research use only.**")
    assert "- radiographs: 1,675" in card
    assert "- sources: nih 900, cohen 60" in card
    assert "| test, macro_auroc | 0.93 | 0.9 to 0.951 |" in card
    assert "- `sensitive`: covid if its probability is at least 0.1; 95 % sensitivity" in card
    assert record.preprocessing.hash in card
    assert "CC BY-NC 4.0" in card


def test_a_figure_without_an_interval_says_so(record: BundleRecord) -> None:
    card = model_card(replace(record, measured={"auroc": {"value": 0.9}, "accuracy": 0.8}))
    assert "| auroc | 0.9 | none given |" in card
    assert "| accuracy | 0.8 |  |" in card


def test_interval_pairs_and_levels_are_understood(record: BundleRecord) -> None:
    measured = {"auroc": {"value": 0.9, "interval": [0.85, 0.94], "level": 0.95}}
    assert "| 0.85 to 0.94 (95%) |" in model_card(replace(record, measured=measured))


def test_a_bundle_without_figures_admits_it(record: BundleRecord) -> None:
    assert "Nothing was measured" in model_card(record)
    assert "Not recorded." in model_card(record)


def test_text_cannot_break_the_table(record: BundleRecord) -> None:
    card = model_card(replace(record, measured={"a|b\nc": "x|y"}))
    assert "| a/b c | x/y |  |" in card
