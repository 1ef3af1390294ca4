"""Paper 1: COVID-Net and ResNet50 in PyTorch, with rebalancing, weighted loss and calibration."""

from __future__ import annotations

from hilum.reproduce.paper import Fault, Network, Paper

__all__ = ["PAPER"]


def _covidnet(name: str, row: str = "") -> Network:
    return Network(
        name=name, row=row, published=f"p1/{name}.yaml", repaired=f"p1/{name}-repaired.yaml"
    )


PAPER = Paper(
    name="p1",
    title="COVID-Net in PyTorch: rebalancing, weighted loss, calibration, Grad-CAM",
    citation="Nesti Lopes, Oliveira Franca and Raether, Deep Neural methods for medical imaging: "
    "An experimental study on COVID-19, KTH 2020",
    classes=("normal", "pneumonia", "covid"),
    relabel={"normal": "normal", "pneumonia": "pneumonia", "covid": "covid"},
    metrics=(
        "accuracy",
        "recall_normal",
        "recall_pneumonia",
        "recall_covid",
        "precision_normal",
        "precision_pneumonia",
        "precision_covid",
    ),
    networks=(
        _covidnet("covidnet-large", "Our COVID-Net"),
        _covidnet("resnet50", "ResNet50"),
        Network(
            name="covidnet-without-rebalancing",
            row="COVID-Net without rebalancing",
            published="p1/covidnet-without-rebalancing.yaml",
            repaired="p1/covidnet-large-quarter-repaired.yaml",
        ),
        _covidnet("covidnet-small"),
        _covidnet("covidnet-large-quarter"),
        _covidnet("covidnet-small-quarter"),
        _covidnet("covidnet-compact"),
    ),
    fault_base="covidnet-compact",
    faults=(
        Fault(
            name="selection-on-test",
            what="The test set chose the weights.",
            changes=("training.selection_split=test",),
        ),
        Fault(
            name="share-rounded-down",
            what="30 % of each batch became int(0.3 x 8) = 2 of 8, 25 %.",
            changes=("sampling.rounding=down",),
        ),
        Fault(
            name="linear-pepx",
            what="No non-linearity inside PEPX, PEPX3.3 dropped, PEPX3.2 added twice.",
            changes=("model.name=covidnet_compact_linear",),
        ),
        Fault(
            name="plateau-upside-down",
            what="The learning rate falls while accuracy rises.",
            changes=("schedule.monitor=val_accuracy", "schedule.better=lower"),
        ),
        Fault(
            name="mirrored-hearts",
            what="Half of the training films are mirrored.",
            changes=("augmentation.flip=0.5",),
        ),
    ),
)
