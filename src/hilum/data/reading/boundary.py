"""Where foreign decoders end: the exceptions they raise and the warnings they issue.

Pillow, pydicom and the codecs behind them answer damaged bytes with a wide range of exceptions.
They are listed here once; each reader turns them into an ImageReadError.
"""

from __future__ import annotations

import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["DECODER_ERRORS", "quiet_decoders"]

DECODER_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    BufferError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,  # RecursionError and NotImplementedError are among these
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What a decoder may raise on damaged bytes; pydicom's own is added where pydicom is used."""


class _Silence:
    """Python's warning filters, changed while at least one reader is at work.

    `warnings.catch_warnings` is not safe where threads overlap: the one that leaves last would
    put back the filters that another had changed. Counting the readers avoids that.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readers = 0
        self._saved = warnings.catch_warnings()

    def enter(self) -> None:
        with self._lock:
            self._readers += 1
            if self._readers == 1:
                self._saved = warnings.catch_warnings()
                self._saved.__enter__()
                warnings.filterwarnings("ignore", module=r"(PIL|pydicom|openjpeg|gdcm|jpeg_ls)\b")

    def leave(self) -> None:
        with self._lock:
            self._readers -= 1
            if self._readers == 0:
                self._saved.__exit__(None, None, None)


_silence = _Silence()


@contextmanager
def quiet_decoders() -> Iterator[None]:
    """Keep Python warnings of the decoders from the caller.

    What matters to a reader is checked by hilum itself and kept in `Radiograph.warnings`;
    pydicom's remarks also go to the logger "pydicom".
    """
    _silence.enter()
    try:
        yield
    finally:
        _silence.leave()
