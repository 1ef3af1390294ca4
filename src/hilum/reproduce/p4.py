"""Paper 4: domain-extension transfer learning, a small CNN, two stages, five folds."""

from __future__ import annotations

from hilum.reproduce.paper import Network, Paper

__all__ = ["PAPER"]

PAPER = Paper(
    name="p4",
    title="Domain-extension transfer learning, 5-fold cross-validation",
    citation="Basu and Mitra, Deep Learning for Screening COVID-19 using Chest X-Ray Images, "
    "arXiv 2004.10507",
    classes=("normal", "other_disease", "pneumonia", "covid"),
    relabel={},
    metrics=(
        "accuracy",
        "recall_normal",
        "recall_other_disease",
        "recall_pneumonia",
        "recall_covid",
    ),
    networks=(
        Network(
            name="detl",
            row="DETL",
            published="p4/stage-b.yaml",
            repaired="p4/stage-b-repaired.yaml",
        ),
    ),
    folds=5,
    first_stage={"published": "p4/stage-a.yaml", "repaired": "p4/stage-a-repaired.yaml"},
    first_labels=("normal", "other_disease"),
    notes=("As published, stage A trains on patients whom the folds test; repaired, it does not.",),
)
