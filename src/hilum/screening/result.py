"""What a reader gets for one radiograph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilum.data.radiograph import Radiograph
from hilum.screening.threshold import Threshold

__all__ = ["Screening"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Screening:
    """The answer for one radiograph, or the reason why there is none. Research use only.

    Exactly one of three: an answer (`probabilities` and `decision`), a refusal (`accepted` is
    False, `reasons` say why, and there are probabilities only if they were forced), or a failure
    (`error` says why).

    Args:
        path: The file, or a name for bytes that have none.
        bundle: Id of the bundle that answered, hexadecimal.
        bundle_name: Its name.
        accepted: Whether the gate took the picture for a frontal chest radiograph.
        reasons: Why it did not; sentences.
        warnings: What looks doubtful; sentences.
        gate: What the gate measured: probabilities of its layout network, and `distance` with
            `limit` where the bundle holds statistics of its features.
        probabilities: Class to probability in [0, 1], in the bundle's order.
        calibrated: Whether they were: the bundle's temperature was fitted on held-out films.
        decision: The class that the threshold decided for.
        threshold_name: Which of the bundle's thresholds decided.
        threshold: That rule.
        cam_empty: Class to whether its evidence map holds nothing.
        error: Why there is no answer.
        seconds: Time from the file to the answer.
        sha256: Hash of the file's bytes, hexadecimal, if it could be read.
        cams: Evidence maps as the network gave them, shape (classes, h, w), at least 0.
        film: The radiograph, where it was asked for.
    """

    path: str
    bundle: str
    bundle_name: str
    threshold_name: str
    threshold: Threshold
    accepted: bool = False
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    gate: Mapping[str, Any] = field(default_factory=dict)
    probabilities: Mapping[str, float] | None = None
    calibrated: bool = False
    decision: str | None = None
    cam_empty: Mapping[str, bool] | None = None
    error: str | None = None
    seconds: float = 0.0
    sha256: str | None = None
    cams: NDArray[np.float32] | None = field(default=None, repr=False, compare=False)
    film: Radiograph | None = field(default=None, repr=False, compare=False)

    @property
    def failed(self) -> bool:
        """Whether there is no answer because something went wrong; a refusal is an answer."""
        return self.error is not None

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as plain values for JSON, without pictures."""
        return {
            "path": self.path,
            "sha256": self.sha256,
            "accepted": self.accepted,
            "reasons": list(self.reasons),
            "warnings": list(self.warnings),
            "gate": dict(self.gate),
            "probabilities": None if self.probabilities is None else dict(self.probabilities),
            "calibrated": self.calibrated,
            "decision": self.decision,
            "threshold": {"name": self.threshold_name, **self.threshold.to_dict()},
            "cam_empty": None if self.cam_empty is None else dict(self.cam_empty),
            "bundle": self.bundle,
            "bundle_name": self.bundle_name,
            "seconds": round(self.seconds, 4),
            "error": self.error,
            "notice": "Research use only",
        }
