"""Paper 2: five networks from scratch, with and without histogram equalisation."""

from __future__ import annotations

from collections.abc import Iterator

from hilum.reproduce.paper import Network, Paper

__all__ = ["PAPER"]

_ROWS = {
    "alexnet": "AlexNet",
    "vgg16": "VGG16",
    "resnet50": "ResNet50",
    "densenet121": "DenseNet121",
    "inception-v3": "InceptionV3",
}


def _networks() -> Iterator[Network]:
    for name, row in _ROWS.items():
        repaired = f"p2/{name}-repaired.yaml"
        yield Network(name=name, row=row, published=f"p2/{name}.yaml", repaired=repaired)
        yield Network(
            name=f"{name}-equalized",
            row=f"{row} HE",
            published=f"p2/{name}-equalized.yaml",
            repaired=repaired,
            repaired_changes=("preprocessing.equalization=histogram",),
        )


PAPER = Paper(
    name="p2",
    title="AlexNet, VGG16, ResNet50, DenseNet121 and InceptionV3, with and without equalisation",
    citation="Loconte and Colavito, Screening X-ray Images for COVID-19 Infections, University of "
    "Bari 2021",
    classes=("negative", "positive"),
    relabel={
        "normal": "negative",
        "pneumonia": "negative",
        "other_disease": "negative",
        "covid": "positive",
    },
    metrics=(
        "precision_negative",
        "recall_negative",
        "f1_negative",
        "precision_positive",
        "recall_positive",
        "f1_positive",
        "macro_precision",
        "macro_recall",
        "macro_f1",
    ),
    networks=tuple(_networks()),
)
