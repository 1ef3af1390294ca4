"""Transfer syntaxes: which are read, and by which decoder.

Each compressed syntax has one decoder, so that one file gives the same pixels everywhere; lossless
JPEG has two, which tests hold to the same pixels: GDCM, five times as fast, where it is installed,
and hilum's own. All have permissive licences. The file meta information is parsed alone, first: a
deflated file of 612 kB would otherwise unfold to 600 MB inside pydicom.
"""

from __future__ import annotations

import importlib.util
import io
from dataclasses import dataclass

from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag
from pydicom.uid import UID

from hilum.data.reading.dicom_values import DICOM_ERRORS, text
from hilum.data.reading.document import Document

__all__ = ["OWN", "Syntax", "read_syntax"]

OWN = "hilum"
"""The name of the decoder in `jpeg_lossless`, which pydicom does not know."""

_JPEG = "1.2.840.10008.1.2.4."
_DECODERS = {
    "1.2.840.10008.1.2": "",  # implicit little endian
    "1.2.840.10008.1.2.1": "",  # explicit little endian
    "1.2.840.10008.1.2.2": "",  # explicit big endian
    "1.2.840.10008.1.2.5": "pydicom",  # RLE
    f"{_JPEG}50": "pillow",  # baseline
    f"{_JPEG}51": "pillow",  # extended: 8 bits here, 12 bits see `for_bits`
    f"{_JPEG}57": "gdcm",  # lossless
    f"{_JPEG}70": "gdcm",  # lossless, first-order prediction
    f"{_JPEG}80": "pyjpegls",  # JPEG-LS lossless
    f"{_JPEG}81": "pyjpegls",  # JPEG-LS near-lossless
    f"{_JPEG}90": "pylibjpeg",  # JPEG 2000 lossless
    f"{_JPEG}91": "pylibjpeg",  # JPEG 2000
    f"{_JPEG}201": "pylibjpeg",  # high-throughput JPEG 2000 lossless
    f"{_JPEG}202": "pylibjpeg",  # high-throughput JPEG 2000 lossless, RPCL
    f"{_JPEG}203": "pylibjpeg",  # high-throughput JPEG 2000
}
_DEFLATED = ("1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.8.1")
_DICOMDIR = "1.2.840.10008.1.3.10"


@dataclass(frozen=True, slots=True)
class Syntax:
    """How the pixels of a DICOM file are encoded."""

    uid: str
    """Transfer syntax UID."""

    decoder: str
    """pydicom's name of the decoder; "" where the pixels are not compressed."""

    @property
    def name(self) -> str:
        """The transfer syntax in words, with its UID."""
        return f"{UID(self.uid).name} ({self.uid})"

    @property
    def has_codestream(self) -> bool:
        """Whether each frame is a JPEG, JPEG-LS or JPEG 2000 picture with a header of its own."""
        return self.uid.startswith(_JPEG)

    def for_bits(self, bits: int) -> str:
        """Return the decoder for samples of so many bits; "" if none is installed."""
        if self.decoder == "gdcm" and importlib.util.find_spec("gdcm") is None:
            return OWN
        if self.uid == f"{_JPEG}51" and bits > 8:
            return "pylibjpeg" if importlib.util.find_spec("libjpeg") else ""
        return self.decoder


def read_syntax(document: Document) -> Syntax:
    """Read the file meta information and return the transfer syntax.

    Raises:
        ImageReadError: If it is damaged, names a syntax that is not read, or belongs to a DICOMDIR.
    """
    try:
        meta = read_dataset(io.BytesIO(document.data[132:]), False, True, stop_when=_is_past_meta)
    except DICOM_ERRORS as error:
        raise document.refusal(
            f"expected DICOM file meta information, got damaged data ({error})."
        ) from error
    uid = text(meta, "TransferSyntaxUID")
    if text(meta, "MediaStorageSOPClassUID") == _DICOMDIR:
        raise document.refusal(
            "expected a radiograph, got a DICOMDIR, which lists files. Name the files themselves."
        )
    if not uid:
        raise document.refusal("expected a Transfer Syntax UID in its file meta information.")
    syntax = Syntax(uid, _DECODERS.get(uid, ""))
    if uid in _DEFLATED:
        raise document.refusal(
            f"its transfer syntax {syntax.name} is refused, because a small deflated file can "
            "unfold to gigabytes. Convert it to Explicit VR Little Endian, e.g. with dcmconv."
        )
    if uid not in _DECODERS:
        raise document.refusal(
            f"its transfer syntax {syntax.name} is not read. Convert it to Explicit VR Little "
            "Endian, for example with dcmconv."
        )
    return syntax


def _is_past_meta(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return tag.group != 2
