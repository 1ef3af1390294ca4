"""COVIDx lists with everything that has been seen in them."""

from __future__ import annotations

from pathlib import Path

from hilum.data.sources import Request

UUID = "003d8fa0-6bf1-40ed-b54c-ac657f8495c5"
TRAIN = (
    "5 ARDSSevere.png negative cohen",
    f"{UUID} {UUID}.png negative rsna",
    "COVID 1 COVID(1).png positive sirm",
    "COVID-00003a COVID-00003a.jpg COVID-19 fig1",
    "ANON191 CR.1.2.840.113564.1722810170.1003.png negative actmed",
    "5 ARDSSevere.png negative cohen",
)
TEST = (
    "419639-003251 MIDRC-RICORD-1C-419639-003251-46647-0.png positive ricord",
    "a1 a1.png negative rnsa",
    "8 old.jpeg negative",
)


def write(folder: Path) -> Request:
    """Write the two lists of 8B."""
    labels = folder / "labels"
    labels.mkdir(parents=True, exist_ok=True)
    for split, lines in (("train", TRAIN), ("test", TEST)):
        (labels / f"{split}_COVIDx8B.txt").write_bytes("\n".join((*lines, "")).encode())
    return Request(root=folder, labels=labels, version="8B")
