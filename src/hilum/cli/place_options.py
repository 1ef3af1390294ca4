"""Options of the commands that stand on a server's folder: where it is, what reads its films."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Option

__all__ = ["Bundle", "Data", "Database", "KeepDays", "NewData", "NewDatabase", "Workers"]

Data = Annotated[Path, Option("--data", help="The server's folder.")]
Database = Annotated[
    str | None, Option("--database", help="The database's URL, if it is not in the folder.")
]

NewData = Annotated[Path, Option("--data", help="Folder for films and the database.")]
NewDatabase = Annotated[
    str | None, Option("--database", help="sqlite:///FILE or postgresql://USER@HOST/NAME.")
]
Bundle = Annotated[Path | None, Option(help="The bundle; default: the one in hilum.")]
Workers = Annotated[int | None, Option(min=1, help="Processes; default one a core.")]
KeepDays = Annotated[int | None, Option(min=1, help="Delete films after so long.")]
