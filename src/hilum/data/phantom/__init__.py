"""Phantoms: chest radiographs of subjects who do not exist, with the truth about each.

They are drawn, not learnt: tissue thickness is added up along every ray and exposed as a digital
system would. They give the demo something to train on, heatmaps a ground truth, and every audit a
control: plant a flaw and it must be found, plant none and nothing may be.
"""

from __future__ import annotations

from hilum.data.phantom.cohort import write_cohort
from hilum.data.phantom.drawing import Phantom, draw_phantom
from hilum.data.phantom.flaws import Flaw, flaws
from hilum.data.phantom.hospital import HOSPITALS, Hospital
from hilum.data.phantom.lesions import lesions
from hilum.data.phantom.plan import Film, Plan
from hilum.data.phantom.subject import Subject

__all__ = [
    "HOSPITALS",
    "Film",
    "Flaw",
    "Hospital",
    "Phantom",
    "Plan",
    "Subject",
    "draw_phantom",
    "flaws",
    "lesions",
    "write_cohort",
]
