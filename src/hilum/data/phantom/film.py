"""From tissue to a picture: the beam, the scatter, the grain, the grey curve.

Follows a digital system: transmitted intensity by Beer and Lambert, scattered light added, quantum
noise that grows where little arrives, the logarithm taken, fine contrast raised, and the hospital's
curve laid over it.
"""

from __future__ import annotations

import numpy as np

from hilum.data.phantom.canvas import Plane, blur
from hilum.data.phantom.hospital import Hospital

__all__ = ["SOFT_TISSUE", "expose"]

SOFT_TISSUE = 0.0165
"""What a mm of soft tissue takes from the beam, as an exponent (about 120 kV, hardened)."""

_FLOOR = 2e-4


def expose(depth: Plane, hospital: Hospital, pixel_mm: float, rng: np.random.Generator) -> Plane:
    """Return grey values in [0, 1], bright where the beam was stopped.

    Args:
        depth: Exponent of the attenuation along every ray, shape (h, w), 0 in free air.
        hospital: Who exposed it.
        pixel_mm: Side of a pixel, mm.
        rng: Draws the noise, and the small differences between one exposure and the next.
    """
    dose, curve = rng.lognormal(0, 0.25), rng.normal(0, 0.05, 2)
    direct = blur(np.exp(-depth), hospital.softness_mm / pixel_mm)
    arrived = direct + hospital.scatter * blur(direct, 32 / pixel_mm)
    grain = hospital.grain / np.sqrt(dose) * min(1.0, 0.8 / pixel_mm + 0.3)
    arrived += grain * np.sqrt(arrived) * rng.standard_normal(depth.shape, np.float32)
    dense = -np.log(np.maximum(arrived, _FLOOR))
    dense += hospital.detail * (dense - blur(dense, 22 / pixel_mm))
    dense += 0.6 * hospital.detail * (dense - blur(dense, 4 / pixel_mm))
    low, high = (
        max(0.0, float(np.percentile(dense[::4, ::4], 1))),
        float(np.percentile(dense[::4, ::4], 99)),
    )
    grey = np.clip((dense - 0.6 * low) / (high - 0.6 * low), 0, 1)
    grey = grey ** np.float32(hospital.gamma * np.exp(curve[0]))
    bent = grey * grey * (3 - 2 * grey)
    grey += np.float32(np.clip(hospital.contrast + curve[1], 0, 1)) * (bent - grey)
    black, white = hospital.greys
    return np.asarray(black + (white - black) * grey, np.float32)
