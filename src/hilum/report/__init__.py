"""What a reader sees of an evaluation: pictures, tables and files.

The modules are imported where they are needed: `figures` needs matplotlib, `tables` rich.
"""

__all__: list[str] = []
