"""Is this a frontal chest radiograph of an adult, and does it lie right? If not, why not.

A classifier answers whatever it is given: a hand, a page of text, a film on its head. The gate
looks first, and says in sentences what it found and what to do. A picture with reasons is refused:
it gets no probabilities. Warnings are shown beside the answer.

Three layers, each for what the one before cannot see:

    rules, tags    size, colour, grey levels; what the file says of itself
    layout         a small network: a chest or not, upright, inverted, mirrored, whole
    distance       how far the classifier's own features are from those of its training films;
                   asked after inference, where the bundle holds their statistics
"""

from __future__ import annotations

from hilum.screening.gate.limits import Limits
from hilum.screening.gate.verdict import Gate, Verdict, check

__all__ = ["Gate", "Limits", "Verdict", "check"]
