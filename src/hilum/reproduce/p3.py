"""Paper 3: VGG16 with a dense head and a web page."""

from __future__ import annotations

from hilum.reproduce.paper import Fault, Network, Paper

__all__ = ["PAPER"]

PAPER = Paper(
    name="p3",
    title="VGG16 with a dense head, SGD against Adam",
    citation="Wali, Detecting COVID-19 from Medical X-ray Images, Cornell University 2021",
    classes=("covid", "normal"),
    relabel={"covid": "covid", "normal": "normal", "positive": "covid", "negative": "normal"},
    metrics=("accuracy", "recall_covid", "precision_covid", "f1_covid", "recall_normal"),
    networks=(
        Network(
            name="vgg16-dense",
            row="VGG16 with SGD",
            published="p3/vgg16-dense.yaml",
            repaired="p3/vgg16-dense-repaired.yaml",
            repaired_changes=("optimizer.name=sgd", "optimizer.learning_rate=0.01"),
        ),
        Network(
            name="vgg16-dense-adam",
            row="VGG16 with Adam",
            published="p3/vgg16-dense-adam.yaml",
            repaired="p3/vgg16-dense-repaired.yaml",
        ),
        Network(name="resnet18", row="", published="p3/resnet18.yaml", repaired="p3/resnet18.yaml"),
    ),
    fault_base="resnet18",
    faults=(
        Fault(
            name="training-unshuffled",
            what="Every epoch sees all COVID-19 films, then all normal ones.",
            changes=("sampling.order=listed",),
        ),
        Fault(
            name="validation-augmented",
            what="Validation films are turned, shifted and mirrored like training films.",
            changes=("training.augment_selection=true",),
        ),
        Fault(
            name="rotated-by-40-degrees",
            what="Films are turned by up to 40 degrees and mirrored.",
            changes=("augmentation.rotation_deg=40", "augmentation.flip=0.5"),
        ),
    ),
)
