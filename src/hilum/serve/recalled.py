"""An answer as it was given, from what is kept of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilum.screening.result import Screening
from hilum.screening.threshold import Threshold

__all__ = ["recalled"]


def recalled(
    told: Mapping[str, Any], *, path: str, cams: NDArray[np.float32] | None = None
) -> Screening:
    """Return the screening that an answer was written down from.

    Args:
        told: What is kept of it: `Screening.to_dict()`.
        path: What to call the film; its path is not kept.
        cams: Its maps, shape (classes, h, w), where they are wanted.
    """
    rule = told["threshold"]
    threshold = Threshold(
        kind=rule["kind"],
        label=rule.get("class", ""),
        value=rule.get("value", 0.0),
        source=rule.get("source", ""),
    )
    return Screening(
        path=path,
        bundle=told["bundle"],
        bundle_name=told["bundle_name"],
        threshold_name=rule["name"],
        threshold=threshold,
        accepted=told["accepted"],
        reasons=tuple(told["reasons"]),
        warnings=tuple(told["warnings"]),
        gate=told["gate"],
        probabilities=told["probabilities"],
        calibrated=told["calibrated"],
        decision=told["decision"],
        cam_empty=told["cam_empty"],
        seconds=told["seconds"],
        sha256=told["sha256"],
        cams=cams,
    )
