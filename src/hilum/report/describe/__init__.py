"""A data set as one page and pictures that stand alone: what is in it, and what gives labels away.

The modules are imported where they are needed: the pictures need matplotlib, the numbers polars.
"""

__all__: list[str] = []
