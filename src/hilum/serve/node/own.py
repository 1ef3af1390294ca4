"""Recognise the node's own results, so that they are never read: a loop otherwise."""

from __future__ import annotations

from hilum.serve.node.seams import Kind
from hilum.serve.node.uids import is_our_uid

__all__ = ["FILM_CLASSES", "MANUFACTURER", "RESULT_CLASSES", "kind_of"]

MANUFACTURER = "hilum"
RESULT_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.88.34": "Comprehensive 3D SR",
    "1.2.840.10008.5.1.4.1.1.7": "Secondary Capture",
}
FILM_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.1": "Computed Radiography",
    "1.2.840.10008.5.1.4.1.1.1.1": "Digital X-Ray, for presentation",
}
"""What may be a frontal chest film. Images FOR PROCESSING are not meant to be looked at."""


def kind_of(sop_class: str, sop_uid: str, *, manufacturer: str) -> Kind:
    """Return what a received object is to the node.

    A result class by this manufacturer is ours even under another UID, since archives rewrite UIDs
    when they anonymise; a UID of ours is ours whatever else the object says. Drawn phantoms also
    name hilum as their maker, but are films, and read.

    >>> kind_of("1.2.840.10008.5.1.4.1.1.7", "1.2.3", manufacturer="hilum").name
    'OWN'
    >>> kind_of("1.2.840.10008.5.1.4.1.1.1.1", "1.2.3", manufacturer="hilum").name
    'CANDIDATE'
    """
    made_here = manufacturer.strip().casefold() == MANUFACTURER
    if is_our_uid(sop_uid) or (made_here and sop_class in RESULT_CLASSES):
        return Kind.OWN
    return Kind.CANDIDATE if sop_class in FILM_CLASSES else Kind.ASIDE
