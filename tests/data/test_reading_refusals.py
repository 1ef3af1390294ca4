"""What is no readable radiograph is refused with a sentence that says why."""

from __future__ import annotations

import io
import struct
import threading
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from hilum.data.reading import document, read_radiograph
from hilum.data.reading.boundary import quiet_decoders
from hilum.errors import ImageReadError


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageReadError, match=r"nowhere\.png: there is no such file") as caught:
        read_radiograph(tmp_path / "nowhere.png")
    assert caught.value.path.endswith("nowhere.png")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageReadError, match="got a folder"):
        read_radiograph(tmp_path)


def test_a_device_is_refused_without_being_read() -> None:
    with pytest.raises(ImageReadError, match="got a device, pipe or socket"):
        read_radiograph("/dev/zero")


def test_a_file_that_may_not_be_read_is_refused(
    files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "film.png"
    path.write_bytes(files.encode(files.picture()))

    def refuse(self: Path, mode: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ImageReadError, match="this account may not read it"):
        read_radiograph(path)


def test_a_failing_disk_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(self: Path) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "stat", fail)
    with pytest.raises(ImageReadError, match=r"could not be read: .*Input/output error"):
        read_radiograph("film.png")


def test_a_null_byte_in_a_path_is_refused() -> None:
    with pytest.raises(ImageReadError, match="could not be read: .*embedded null"):
        read_radiograph("film\0.png")


def test_a_closed_file_is_refused() -> None:
    file = io.BytesIO(b"x")
    file.close()
    with pytest.raises(ImageReadError, match="<file>: the file could not be read"):
        read_radiograph(file)


def test_a_text_mode_file_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="binary mode"):
        read_radiograph(io.StringIO("film"))  # type: ignore[arg-type]


def test_another_type_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="a path, bytes or a binary file"):
        read_radiograph(17)  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [{"smallest_side": 0}, {"max_pixels": 0}])
def test_limits_below_one_are_value_errors(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be at least 1"):
        read_radiograph(b"x", **options)


def test_a_file_above_the_ceiling_is_refused_unread(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(document, "MAX_FILE_BYTES", 10)
    path = tmp_path / "film.png"
    path.write_bytes(b"x" * 11)
    for source in (path, b"x" * 11, io.BytesIO(b"x" * 11)):
        with pytest.raises(ImageReadError, match="expected a file of at most 10 bytes"):
            read_radiograph(source)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "got an empty file"),
        (bytes(4000), "4,000 zero bytes. Was its copy interrupted"),
        (b"Dear colleague,\nthe film is normal.", "got plain text"),
        (b"<html><body>404</body></html>", "got HTML, XML or SVG text"),
        (b"GIF89a" + bytes(40), "a GIF image"),
        (b"II*\0" + bytes(40), "a TIFF image"),
        (b"MM\0*" + bytes(40), "a TIFF image"),
        (b"BM" + bytes(40), "a BMP image"),
        (b"%PDF-1.7 ...", "a PDF document"),
        (b"\0\0\0\x18ftypheic" + bytes(40), "a HEIC or AVIF image"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000 file outside DICOM"),
        (b"PK\x03\x04" + bytes(40), "a zip archive"),
        (b"\x1f\x8b\x08" + bytes(40), "a gzip archive"),
        (b"\x08\0\x05\0CS\x0a\0ISO_IR 100", "DICOM without its 128-byte preamble"),
        (b"\x7fELF" + bytes(40), "a program"),
        (b"\xfe\xed\xfa\xce\x01\x02\x03\x04\x05", "9 bytes of no known format, beginning with fe"),
    ],
)
def test_other_formats_are_named(data: bytes, said: str) -> None:
    with pytest.raises(ImageReadError, match=said):
        read_radiograph(data)


def test_text_named_png_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "film.png"
    path.write_text("not a picture", encoding="utf-8")
    with pytest.raises(ImageReadError, match=r"film\.png: expected a PNG, .*, got plain text"):
        read_radiograph(path)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_an_image_larger_than_asked_for_is_refused_before_decoding(files, kind: str) -> None:
    data = files.encode(files.picture((101, 100)), kind)
    with pytest.raises(ImageReadError, match="at most 10,000 pixels, got 100 x 101 = 10,100"):
        read_radiograph(data, max_pixels=10_000)
    assert read_radiograph(data, max_pixels=10_100).shape == (101, 100)


@pytest.mark.parametrize("lossless", [True, False])
@pytest.mark.parametrize("mode", ["L", "RGBA"])
def test_the_size_of_every_kind_of_webp_is_known_from_its_header(
    files, lossless: bool, mode: str
) -> None:
    picture = Image.fromarray(files.picture((33, 70))).convert(mode)
    if mode == "RGBA":
        picture.putpixel((0, 0), (9, 9, 9, 9))
    data = files.encode(picture, "WEBP", lossless=lossless)
    with pytest.raises(ImageReadError, match="got 70 x 33"):
        read_radiograph(data, max_pixels=33 * 70 - 1)
    assert read_radiograph(data).shape == (33, 70)


def _huge_png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


def test_a_decompression_bomb_is_refused_by_its_header() -> None:
    with pytest.raises(ImageReadError, match=r"got 100000 x 100000 = 10,000,000,000"):
        read_radiograph(_huge_png(100_000, 100_000))


def test_pillows_bomb_warning_does_not_reach_the_caller() -> None:
    with pytest.raises(ImageReadError, match="damaged or cut short"):
        read_radiograph(_huge_png(9_600, 9_600))  # more than Pillow warns about, less than ours


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF"])
def test_an_animation_is_refused(files, kind: str) -> None:
    frames = [Image.fromarray(files.picture(seed=seed)) for seed in (1, 2, 3)]
    data = files.encode(frames[0], kind, save_all=True, append_images=frames[1:])
    with pytest.raises(ImageReadError, match=r"an animation of 3 frames|a GIF image"):
        read_radiograph(data)


def test_cmyk_is_refused(files) -> None:
    data = files.encode(Image.fromarray(files.picture()).convert("CMYK"), "JPEG")
    with pytest.raises(ImageReadError, match="got CMYK, a printer's colours"):
        read_radiograph(data)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@settings(max_examples=40, deadline=None)
@given(share=st.floats(0.0, 0.98))
def test_a_truncated_file_is_refused_wherever_it_ends(files, kind: str, share: float) -> None:
    data = files.encode(files.picture((150, 140)), kind)
    cut = data[: int(share * len(data))]
    with pytest.raises(ImageReadError, match="expected"):
        read_radiograph(cut)
    with pytest.raises(ImageReadError, match="expected"):
        read_radiograph(cut, smallest_side=20)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@settings(max_examples=150, deadline=None)
@given(edits=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=6))
def test_damage_never_escapes_as_anything_but_an_image_read_error(files, kind, edits) -> None:
    data = bytearray(files.encode(files.picture((40, 50)), kind))
    for place, value in edits:
        data[int(place * len(data))] = value
    with suppress(ImageReadError):
        assert read_radiograph(bytes(data), max_pixels=1_000_000).pixels.ndim == 2


def test_readers_in_threads_leave_the_warning_filters_as_they_were(files) -> None:
    before = list(warnings.filters)
    data = files.encode(files.picture())
    with ThreadPoolExecutor(8) as pool:
        read = list(pool.map(lambda _: read_radiograph(data).shape, range(64)))
    assert set(read) == {(96, 80)}
    assert warnings.filters == before


def test_overlapping_readers_restore_the_filters_when_the_last_one_leaves() -> None:
    before = list(warnings.filters)
    inside, leave = threading.Event(), threading.Event()

    def linger() -> None:
        with quiet_decoders():
            inside.set()
            leave.wait(5)

    thread = threading.Thread(target=linger)
    with quiet_decoders():
        thread.start()
        inside.wait(5)
    assert warnings.filters != before
    leave.set()
    thread.join()
    assert warnings.filters == before


def test_reading_does_not_make_pillow_lenient(files) -> None:
    read_radiograph(files.encode(files.picture()))
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False
