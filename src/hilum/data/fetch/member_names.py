r"""Names inside an archive, and which of them may become files.

An archive is somebody else's list of paths. `../../.ssh/authorized_keys` is one, `/etc/passwd` and
`C:\autoexec.bat` are others; none may leave the folder that the archive is unpacked into.
"""

from __future__ import annotations

import re
import unicodedata

from hilum.errors import DataError

__all__ = ["alike", "safe_parts"]

_LONGEST = 255


def safe_parts(name: str) -> tuple[str, ...]:
    r"""Return the folders and the file that a member's name means, always below the top.

    >>> safe_parts("./a//b.png")
    ('a', 'b.png')

    Args:
        name: As the archive has it; a backslash parts folders, as a slash does.

    Raises:
        DataError: If it is absolute, leads upwards, or no file can be called so.
    """
    path = name.replace("\\", "/")
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    if path.startswith("/") or re.match(r"[A-Za-z]:", path):
        raise _refused(name, "an absolute path")
    if ".." in parts:
        raise _refused(name, "a path that leads out of the folder")
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in path):
        raise _refused(name, "a name with control characters or of unknown encoding")
    if any(len(part.encode()) > _LONGEST for part in parts):
        raise _refused(name, f"a name longer than {_LONGEST} bytes")
    return parts


def alike(path: str) -> str:
    """Return what two paths share that a disk blind to case or accents' spelling confuses.

    >>> alike("A/B.PNG") == alike("a/b.png")
    True
    """
    return unicodedata.normalize("NFC", path).casefold()


def _refused(name: str, what: str) -> DataError:
    return DataError(f"The archive holds {what}: {name!r}. Nothing of it was kept.")
