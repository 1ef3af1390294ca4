"""An answer as it was given, from what is kept of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hilum.screening.result import Screening
from hilum.screening.threshold import Threshold
from hilum.serve.storage.answers import Answer

__all__ = ["recalled"]


def recalled(answer: Answer, cams: NDArray[np.float32] | None = None) -> Screening:
    """Return the screening that an answer was written down from; its path is the film's id.

    Args:
        answer: What is kept.
        cams: Its maps, shape (classes, h, w), where they are wanted.
    """
    told = answer.answer
    rule = told["threshold"]
    threshold = Threshold(
        kind=rule["kind"],
        label=rule.get("class", ""),
        value=rule.get("value", 0.0),
        source=rule.get("source", ""),
    )
    return Screening(
        path=answer.film,
        bundle=answer.bundle,
        bundle_name=answer.bundle_name,
        threshold_name=rule["name"],
        threshold=threshold,
        accepted=answer.accepted,
        reasons=tuple(told["reasons"]),
        warnings=tuple(told["warnings"]),
        gate=told["gate"],
        probabilities=told["probabilities"],
        calibrated=told["calibrated"],
        decision=answer.decision,
        cam_empty=told["cam_empty"],
        seconds=told["seconds"],
        sha256=told["sha256"],
        cams=cams,
    )
