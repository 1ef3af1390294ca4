"""The row that studies return: that of `hilum bench`."""

from __future__ import annotations

from hilum.benchmark.row import Row

__all__ = ["Row"]
