"""From an item to its bytes, in the worker that wants them."""

from __future__ import annotations

from hilum.data.reading.document import MAX_FILE_BYTES, open_document
from hilum.errors import DataError, ImageReadError
from hilum.screening.archive.files import files_of, is_url
from hilum.screening.archive.item import Item, Packed, Stream
from hilum.screening.archive.zips import unpacked

__all__ = ["read_bytes"]


def read_bytes(item: Item) -> bytes:
    """Return the bytes of a film.

    Raises:
        ImageReadError: If it cannot be read, is empty or is too large; `.reason` says why.
    """
    if item.error is not None:
        raise ImageReadError(item.key, item.error)
    if item.where is None and not is_url(item.path):
        return open_document(item.path, smallest_side=None, max_pixels=1).data
    try:
        data = _part(item)
    except FileNotFoundError as error:
        raise ImageReadError(item.key, "there is no such file. Was it moved?") from error
    except (OSError, ValueError, DataError) as error:
        raise ImageReadError(item.key, f"the file could not be read: {error}.") from error
    return open_document(data, smallest_side=None, max_pixels=1).data


def _part(item: Item) -> bytes:
    where = item.where
    if isinstance(where, bytes):
        return where
    if isinstance(where, Stream):
        raise TypeError(f"{item.path} must be opened by `tar_items`, not read as one film")
    files = files_of(item.path)
    if isinstance(where, Packed):
        return unpacked(files, item.path, where)
    if where is None:
        size = files.size(item.path)
        if size > MAX_FILE_BYTES:
            raise ValueError(f"expected at most {MAX_FILE_BYTES:,} bytes, got {size:,}")
        return files.read(item.path, 0, size)
    data = files.read(item.path, where.offset, where.size)
    if len(data) < where.size:
        raise ValueError(f"the tar file ends {where.size - len(data):,} bytes too soon")
    return data
