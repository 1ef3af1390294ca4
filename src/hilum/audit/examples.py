"""A film as the network saw it, before a change and after: the picture beside the number."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hilum.audit.asking import generator
from hilum.audit.effect import Effect
from hilum.audit.perturb import View
from hilum.audit.record import Picture
from hilum.audit.subject import Subject
from hilum.data.preprocessing import prepare, to_uint8
from hilum.data.reading import read_radiograph

__all__ = ["example"]

_GAP = 8


def example(subject: Subject, effect: Effect) -> Picture:
    """Show the film whose answer a change moved most, as the network saw it: before, after."""
    at, change = effect.most_moved, effect.change
    name = str(effect.after.images[at])
    row = subject.tested.frame["path"].to_list().index(name)
    preprocessing = subject.bundle.record.preprocessing
    film = read_radiograph(subject.path(row), smallest_side=preprocessing.decode_side)
    grey = to_uint8(film)
    mask = None
    if change.mask:
        entry = subject.tested.frame.row(row, named=True)
        mask = subject.masks.find(change.mask, entry, film).mask
    view = View(grey, mask, generator(film.sha256, change.key))
    before, after = (
        prepare(replace(film, pixels=pixels, white=255), preprocessing)
        for pixels in (grey, change.apply(view))
    )
    gap = np.full((len(before), _GAP), 255, np.uint8)
    return Picture(_caption(effect, at), np.hstack([before, gap, after]))


def _caption(effect: Effect, at: int) -> str:
    before, after = effect.before, effect.after
    classes, called = after.classes, int(before.decisions[at])
    now = int(after.decisions[at])
    said = f"{classes[called]} {before.probabilities[at, called]:.2f}"
    says = f"{classes[now]} {after.probabilities[at, now]:.2f}"
    return (
        f"As it is, and {effect.change.title}: the film whose answer moved most, as the network "
        f"sees it. It was called {said}, now {says}; labelled {classes[before.labels[at]]}."
    )
