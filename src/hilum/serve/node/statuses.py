"""What the node answers to C-STORE, and why.

The codes are those of DICOM PS3.4 table B.2-1 and PS3.7 9.1.1.1.9. Senders retry a refusal for lack
of resources (A7xx) and give up on what cannot be understood (Cxxx), so the difference matters.
"""

from __future__ import annotations

from enum import IntEnum

from hilum.serve.node.seams import Outcome

__all__ = ["STATUS_OF", "Status"]


class Status(IntEnum):
    """A C-STORE response status."""

    SUCCESS = 0x0000
    """Stored safely, or here already with the same contents."""
    DUPLICATE_UID = 0x0111
    """Another object has this UID and is kept; this one is not, and the case is flagged.

    A failure and no warning: senders count a warning as stored and may delete what they hold.
    """
    INVALID_UID = 0x0117
    """The SOP Instance UID is not digits and dots."""
    OUT_OF_RESOURCES = 0xA700
    """No room, or storage does not answer: send it again later."""
    UID_MISMATCH = 0xA900
    """Command and data set name different objects or classes."""
    CANNOT_UNDERSTAND = 0xC000
    """The data set is damaged or names no study or series."""
    TOO_LARGE = 0xC001
    """Larger than this node takes; sending it again does not help."""


STATUS_OF = {
    Outcome.STORED: Status.SUCCESS,
    Outcome.DUPLICATE: Status.SUCCESS,
    Outcome.CONFLICT: Status.DUPLICATE_UID,
    Outcome.NO_SPACE: Status.OUT_OF_RESOURCES,
    Outcome.UNAVAILABLE: Status.OUT_OF_RESOURCES,
}
"""A storage that does not answer is a lack of a resource: every sender knows to try that again,
while 0110 (processing failure) ends the transfer with many."""
