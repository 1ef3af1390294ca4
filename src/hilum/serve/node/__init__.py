"""The DICOM node: films in from the hospital's archive, results back to it. Research use only.

    node = Node(settings, intake=intake, outbox=outbox, queue=queue, reader=reader)

Needs the extra `dicom` (pynetdicom, highdicom). What the node keeps, it hands to the seams in
`seams`; it has no storage of its own but a folder for what is arriving. Nothing is imported here,
so that de-identification and UIDs work where the extra is not installed.
"""

from __future__ import annotations
