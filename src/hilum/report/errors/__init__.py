"""The films a classifier calls wrongly: who they are, what they share, and what it looked at.

The modules are imported where they are needed: the sheet of films needs matplotlib.
"""

__all__: list[str] = []
