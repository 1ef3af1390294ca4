"""Everything that was found out about a model, on one page that needs nothing else.

`gather` reads what commands left in folders, `sections_*` turn each into prose, tables and figures,
`front` says in two minutes what it comes to, and `write` makes one HTML file, JSON and CSV of it.
"""

__all__: list[str] = []
