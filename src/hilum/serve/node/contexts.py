"""What the node agrees to receive: every storage class there is, in every syntax but a few.

A study-level C-MOVE fails whole if one class in it is not accepted, so classes are not chosen; they
are agreed to one association at a time, from what is asked, instead of from a long list.
"""

from __future__ import annotations

from collections.abc import Iterable

from pydicom.uid import UID, AllTransferSyntaxes
from pynetdicom.presentation import AllStoragePresentationContexts, PresentationContext

__all__ = ["COMMITMENT", "VERIFICATION", "agreed_contexts", "is_private", "is_storage"]

VERIFICATION = "1.2.840.10008.1.1"
COMMITMENT = "1.2.840.10008.1.20.1"
_STANDARD_ROOT = "1.2.840.10008."
_STORAGE_ROOTS = ("1.2.840.10008.5.1.4.1.1.", "1.2.840.10008.5.1.4.34.")
_KNOWN = {str(context.abstract_syntax) for context in AllStoragePresentationContexts}
_PLAIN = ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2")
_LOSSLESS = ("5", "4.70", "4.57", "4.80", "4.90", "4.201", "4.202")
_REFUSED = {
    "1.2.840.10008.1.2.1.99",  # deflated: 600 kB may unfold to 600 MB
    "1.2.840.10008.1.2.8.1",  # deflated frames
    "1.2.840.10008.1.2.4.94",  # JPIP: the pixels lie behind an address
    "1.2.840.10008.1.2.4.95",  # JPIP, deflated
    "1.2.840.10008.1.2.4.204",  # JPIP of high-throughput JPEG 2000
    "1.2.840.10008.1.2.4.205",
}
_SYNTAXES = tuple(
    uid
    for uid in dict.fromkeys(
        (
            *_PLAIN,
            *(f"1.2.840.10008.1.2.{end}" for end in _LOSSLESS),
            *map(str, AllTransferSyntaxes),
        )
    )
    if uid not in _REFUSED
)
"""Where a sender leaves the choice: never one in which it would have to lose pixels."""


def is_private(uid: str) -> bool:
    """Return whether a class is a vendor's own; what is sent of those are stored objects."""
    return not uid.startswith(_STANDARD_ROOT)


def is_storage(uid: str) -> bool:
    """Return whether objects of a class are stored, as far as is known today.

    Retired and future classes are recognised by the branch of the standard they hang on.

    >>> is_storage("1.2.840.10008.5.1.4.1.1.1"), is_storage("1.2.840.10008.5.1.4.1.2.2.1")
    (True, False)
    """
    if uid in _KNOWN or is_private(uid):
        return True
    return uid.startswith(_STORAGE_ROOTS[0]) or (
        uid.startswith(_STORAGE_ROOTS[1]) and "Storage" in UID(uid).name
    )


def agreed_contexts(asked: Iterable[str]) -> list[PresentationContext]:
    """Return what is agreed to of the classes a peer asks for."""
    agreed = []
    for uid in dict.fromkeys(asked):
        if uid in (VERIFICATION, COMMITMENT):
            agreed.append(_context(uid, _PLAIN))
        elif is_storage(uid):
            agreed.append(_context(uid, _SYNTAXES))
    return agreed


def _context(uid: str, syntaxes: Iterable[str]) -> PresentationContext:
    context = PresentationContext()
    context.abstract_syntax = UID(uid)
    context.transfer_syntax = [UID(syntax) for syntax in syntaxes]
    return context
