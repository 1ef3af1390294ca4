"""Answers explained by several methods, as a page: a film a row, the maps side by side."""

from __future__ import annotations

__all__: list[str] = []
