"""UIDs of the node's own objects: derived, so that a resend is the same object, and recognisable.

A UID under 2.25 is a UUID written as a decimal number. Ours are UUIDs of version 8 (RFC 9562, whose
contents are free) that begin with a mark, so that `2.25.` and the leading digits are a root of our
own without any registry, and whoever meets one can tell where it comes from.
"""

from __future__ import annotations

import hashlib
import re
import uuid

import hilum

__all__ = [
    "IMPLEMENTATION_UID",
    "IMPLEMENTATION_VERSION",
    "derive_uid",
    "is_our_uid",
    "is_valid_uid",
]

_MARK = b"hilm"
_VALID = re.compile(r"[0-9]+(?:\.[0-9]+)*")


def derive_uid(*sources: str) -> str:
    """Return the UID that always belongs to these sources, in this order.

    >>> derive_uid("1.2.3", "sr") == derive_uid("1.2.3", "sr") != derive_uid("1.2", "3sr")
    True
    >>> is_our_uid(derive_uid("1.2.3", "sr"))
    True
    """
    digest = hashlib.sha256("\0".join(sources).encode()).digest()
    raw = bytearray(_MARK + digest[:12])
    raw[6] = raw[6] & 0x0F | 0x80  # version 8
    raw[8] = raw[8] & 0x3F | 0x80  # the variant of RFC 9562
    return f"2.25.{uuid.UUID(bytes=bytes(raw)).int}"


def is_our_uid(uid: str) -> bool:
    """Return whether `derive_uid` made this UID.

    >>> is_our_uid("2.25.1"), is_our_uid("1.2.840.10008.1.2"), is_our_uid("2.25." + "9" * 58)
    (False, False, False)
    """
    root, _, digits = uid.rpartition(".")
    if root != "2.25" or not digits.isascii() or not digits.isdigit() or len(digits) > 39:
        return False
    number = int(digits)
    if number >= 1 << 128:
        return False
    made = uuid.UUID(int=number)
    return made.bytes.startswith(_MARK) and made.version == 8


def is_valid_uid(uid: str) -> bool:
    """Return whether this is digits and dots, at most 64 characters.

    Leading zeros are forbidden by PS3.5 but common; they harm nobody.

    >>> is_valid_uid("1.2.03"), is_valid_uid("../../x"), is_valid_uid(""), is_valid_uid("1..2")
    (True, False, False, False)
    """
    return len(uid) <= 64 and _VALID.fullmatch(uid) is not None


IMPLEMENTATION_UID = derive_uid("implementation", "hilum")
IMPLEMENTATION_VERSION = f"HILUM_{hilum.__version__}"[:16]
