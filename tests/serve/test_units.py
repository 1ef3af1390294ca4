"""Small parts of the server: formats, settings, Bayes, feedback, bounds, what is shown of names."""

from __future__ import annotations

import asyncio
import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum.errors import ConfigError
from hilum.serve.api.upload import shown_name
from hilum.serve.bayes import update
from hilum.serve.bounds import Bounds
from hilum.serve.feedback import feedback_table
from hilum.serve.formats import UnknownFormatError, recognised
from hilum.serve.settings import ServeSettings


@pytest.mark.parametrize(
    ("head", "kind"),
    [(b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff\xe0", "jpeg"),
     (b"RIFF\0\0\0\0WEBP", "webp"), (bytes(128) + b"DICM", "dicom"),
     (b"\xff\xd8\xff" + bytes(125) + b"DICM", "dicom")],
)  # fmt: skip
def test_a_film_is_known_by_its_first_bytes(head: bytes, kind: str) -> None:
    assert recognised(head, len(head)) == kind


@given(st.binary(min_size=1, max_size=256))
def test_other_bytes_are_no_film(head: bytes) -> None:
    starts = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF")
    if head.startswith(starts) or head[128:132] == b"DICM":
        return
    with pytest.raises(UnknownFormatError, match="PNG, JPEG, WebP or DICOM"):
        recognised(head, len(head))


def test_every_problem_of_the_settings_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        ServeSettings(data=tmp_path, workers=0, upload_bytes=0, waiting=0, keep_days=0)
    for name in ("workers", "upload_bytes", "waiting", "keep_days"):
        assert f"{name} must be at least 1, got 0" in str(caught.value)


# Bayes


def test_a_probability_at_its_own_prevalence_stays_as_it_is() -> None:
    assert update(0.8, prevalence=0.3, pretest=0.3).posttest == pytest.approx(0.8)


def test_the_working_is_that_of_the_text_book() -> None:
    found = update(0.8, prevalence=0.5, pretest=0.1)
    assert found.likelihood_ratio == pytest.approx(4)
    assert found.posttest == pytest.approx((4 / 9) / (1 + 4 / 9))
    assert found.working[-1].endswith("= 0.308.")


@pytest.mark.parametrize("bad", [0, 1, -0.1, 1.1, float("nan")])
def test_nothing_follows_from_certainty(bad: float) -> None:
    for name in ("probability", "prevalence", "pretest"):
        values = {"probability": 0.5, "prevalence": 0.5, "pretest": 0.5, name: bad}
        with pytest.raises(ValueError, match=f"{name} must be strictly between 0 and 1"):
            update(**values)


# Feedback


def test_no_cell_of_the_feedback_is_a_formula() -> None:
    row = dict.fromkeys(
        ("path", "patient_id", "source", "label", "study_id", "view", "readers", "film"), "x"
    )
    names = ["=cmd|'/C calc'!A0", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", 'a"b,c\n=d']
    text = feedback_table([{**row, "patient_id": name} for name in names])
    found = [each["patient_id"] for each in csv.DictReader(io.StringIO(text, newline=""))]
    assert [each[0] for each in found[:-1]] == ["'"] * 6
    assert found[-1] == 'a"b,c=d'
    assert len(found) == len(names)


# Names


@given(st.text(max_size=2000))
def test_a_shown_name_is_one_line_without_a_folder(name: str) -> None:
    shown = shown_name(name)
    assert len(shown) <= 255
    assert shown.isprintable()
    assert not set(shown) & set("/\\\0\n\r")


# Bodies


async def _echo(scope: Any, receive: Any, send: Any) -> None:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        body += message["body"]
        if not message.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


def _answer(*parts: bytes | float, headers: tuple[tuple[bytes, bytes], ...] = (), **given: Any):  # type: ignore[no-untyped-def]
    """Return status and body of a small body that comes in parts, with pauses between them."""
    left, said = list(parts), list[dict[str, Any]]()

    async def receive() -> dict[str, Any]:
        while left and isinstance(left[0], float):
            await asyncio.sleep(float(left.pop(0)))
        body = left.pop(0) if left else b""
        return {"type": "http.request", "body": body, "more_body": bool(left)}

    async def send(message: Any) -> None:
        said.append(message)

    scope = {"type": "http", "method": "POST", "path": "/x", "headers": list(headers)}
    asyncio.run(Bounds(_echo, **given)(scope, receive, send))
    return said[0]["status"], b"".join(each.get("body", b"") for each in said)


def test_a_small_body_goes_through() -> None:
    assert _answer(b"ab", b"cd", most_bytes=4) == (200, b"abcd")


def test_a_body_that_grows_too_large_is_refused() -> None:
    status, body = _answer(b"ab", b"cde", most_bytes=4)
    assert status == 413
    assert b"at most 4 bytes" in body


def test_a_body_that_says_it_is_too_large_is_refused() -> None:
    assert _answer(b"", headers=((b"content-length", b"5"),), most_bytes=4)[0] == 413


def test_a_body_that_takes_too_long_is_refused() -> None:
    assert _answer(b"ab", 0.3, b"cd", seconds=0.05)[0] == 408


def test_a_compressed_body_is_refused() -> None:
    assert _answer(b"", headers=((b"content-encoding", b"gzip"),))[0] == 415
