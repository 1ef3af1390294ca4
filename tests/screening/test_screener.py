from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hilum.data.preprocessing import normalize, prepare
from hilum.data.reading import read_radiograph
from hilum.errors import BundleError, ConfigError
from hilum.screening import screener as module
from hilum.screening.bundle import Bundle
from hilum.screening.engine import Engine
from hilum.screening.screener import Screener

Make = Callable[..., Bundle]

Draw = Callable[..., Any]


def test_an_answer_is_what_arithmetic_gives(bundle: Bundle, film: bytes, multiclass: Any) -> None:
    answer = Screener(bundle).screen(film)
    preprocessing = bundle.record.preprocessing
    seen = read_radiograph(film, smallest_side=preprocessing.decode_side)
    prepared = prepare(seen, preprocessing)
    logits, cams = multiclass.answer(normalize(prepared[None], preprocessing)[:, 0])
    odds = np.exp(logits[0] / 1.5)
    assert answer.probabilities is not None
    np.testing.assert_allclose(list(answer.probabilities.values()), odds / odds.sum(), atol=1e-6)
    np.testing.assert_allclose(answer.cams, cams[0], atol=1e-6)
    assert answer.decision == bundle.record.classes[int(np.argmax(logits))]
    assert (answer.accepted, answer.error, answer.reasons) == (True, None, ())


def test_only_a_fitted_temperature_counts_as_calibrated(make_bundle: Make, film: bytes) -> None:
    for temperature, calibrated in ((1.0, False), (1.5, True)):
        bundle = make_bundle(temperature=temperature)
        answer = Screener(bundle).screen(film)
        assert answer.calibrated is answer.to_dict()["calibrated"] is calibrated


def test_a_binary_bundle_gives_the_sigmoid(make_bundle: Make, film: bytes, binary: Any) -> None:
    bundle = make_bundle(binary)
    answer = Screener(bundle).screen(film)
    preprocessing = bundle.record.preprocessing
    seen = read_radiograph(film, smallest_side=preprocessing.decode_side)
    prepared = prepare(seen, preprocessing)
    logits, _ = binary.answer(normalize(prepared[None], preprocessing)[:, 0])
    assert answer.probabilities is not None
    np.testing.assert_allclose(
        answer.probabilities["covid"], 1 / (1 + np.exp(-logits[0, 0] / 1.5)), atol=1e-6
    )


def test_the_named_threshold_decides(bundle: Bundle, film: bytes) -> None:
    answer = Screener(bundle, threshold="sensitive").screen(film)
    assert answer.probabilities is not None
    assert (answer.decision == "covid") == (answer.probabilities["covid"] >= 0.1)
    assert answer.to_dict()["threshold"]["name"] == "sensitive"


def test_an_unknown_threshold_is_refused_at_once(bundle: Bundle) -> None:
    with pytest.raises(ConfigError, match="no threshold called"):
        Screener(bundle, threshold="strict")


def test_a_threshold_count_below_one_is_refused(bundle: Bundle) -> None:
    with pytest.raises(ValueError, match="threads must be at least 1, got 0"):
        Screener(bundle, threads=0)


@pytest.mark.parametrize(
    "bad",
    [b"", b"just some text", b"\xff\xd8\xff\xe0" + b"\0" * 90, b"\x89PNG\r\n\x1a\n" + b"\0" * 40],
)
def test_a_bad_film_is_an_error_in_its_answer_only(bundle: Bundle, bad: bytes) -> None:
    answer = Screener(bundle).screen(bad)
    assert answer.failed
    assert answer.error
    assert (answer.probabilities, answer.decision, answer.accepted) == (None, None, False)


def test_a_film_cut_short_is_an_error_in_its_answer(bundle: Bundle, film: bytes) -> None:
    answer = Screener(bundle).screen(film[: len(film) // 2])
    assert answer.failed
    assert answer.probabilities is None


def test_a_missing_film_is_an_error_in_its_answer(bundle: Bundle, tmp_path: Path) -> None:
    answer = Screener(bundle).screen(tmp_path / "absent.png")
    assert answer.error is not None
    assert "no such file" in answer.error


def test_a_refused_film_has_reasons_and_no_probabilities(bundle: Bundle, png: Draw) -> None:
    answer = Screener(bundle).screen(png(np.full((200, 200), 90, np.uint8)))
    assert not answer.accepted
    assert not answer.failed
    assert "blank" in answer.reasons[0]
    assert answer.probabilities is None


def test_force_gives_probabilities_and_keeps_the_reasons(bundle: Bundle, png: Draw) -> None:
    answer = Screener(bundle, force=True).screen(png(np.full((200, 200), 90, np.uint8)))
    assert not answer.accepted
    assert answer.reasons
    assert answer.probabilities is not None


def test_a_network_that_gives_nan_gives_no_probability(
    make_bundle: Make, film: bytes, multiclass: Any
) -> None:
    answer = Screener(make_bundle(replace(multiclass, poison=float("nan")))).screen(film)
    assert answer.error is not None
    assert "NaN or infinity" in answer.error
    assert answer.probabilities is None
    assert answer.decision is None


def test_prepared_pictures_with_nan_answers_are_refused(make_bundle: Make, multiclass: Any) -> None:
    screener = Screener(make_bundle(replace(multiclass, poison=float("inf"))))
    with pytest.raises(BundleError, match="NaN or infinity for 2 of 2 pictures"):
        screener.screen_prepared(np.full((2, 16, 16), 200, np.uint8))


def test_many_films_come_back_in_order_whatever_fails(
    bundle: Bundle, make_film: Callable[..., Path]
) -> None:
    films: list[str | Path | bytes] = [make_film(f"{i}.png", shift=i) for i in range(9)]
    films[3], films[7] = b"text", films[0].parent / "absent.png"  # type: ignore[union-attr]
    screener = Screener(bundle)
    answers = list(screener.screen_many(films, readers=3))
    assert [answer.failed for answer in answers] == [i in (3, 7) for i in range(9)]
    assert answers[8].probabilities == screener.screen(films[8]).probabilities


def test_reading_ahead_can_be_left_half_way(bundle: Bundle, film: bytes) -> None:
    answers = Screener(bundle).screen_many([film] * 50)
    assert not next(answers).failed
    answers.close()  # type: ignore[attr-defined]


def test_readers_below_one_are_refused(bundle: Bundle, film: bytes) -> None:
    with pytest.raises(ValueError, match="readers must be at least 1, got 0"):
        list(Screener(bundle).screen_many([film], readers=0))


def test_a_film_is_kept_only_when_asked(bundle: Bundle, film: bytes) -> None:
    assert Screener(bundle).screen(film).film is None
    kept = Screener(bundle, keep_film=True).screen(film).film
    assert kept is not None
    assert kept.full_shape == (160, 144)


def test_a_faulty_bundle_is_refused_at_the_door(make_bundle: Make) -> None:
    bundle = make_bundle(model=b"no network")
    with pytest.raises(BundleError, match="cannot be opened"):
        Screener(bundle.folder)


def test_without_waiting_a_faulty_bundle_is_raised_by_the_first_film(
    make_bundle: Make, film: bytes
) -> None:
    bundle = make_bundle()
    bundle.model_path.write_bytes(b"tampered")
    screener = Screener(bundle.folder, wait=False)
    with pytest.raises(BundleError, match=r"model\.onnx: expected"):
        screener.screen(film)


def test_a_damaged_file_is_named_whatever_opening_it_led_to(
    make_bundle: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = make_bundle()
    bundle.model_path.write_bytes(b"tampered")

    def fails(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(module, "Engine", fails)
    with pytest.raises(BundleError, match=r"model\.onnx: expected"):
        Screener(bundle.folder)


@pytest.mark.parametrize(("expected", "quick"), [(1, True), (3, True), (4, False), (None, False)])
def test_a_large_network_is_opened_the_quick_way_for_a_few_films(
    bundle: Bundle, expected: int | None, quick: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def engine(bundle: Bundle, **how: Any) -> Engine:
        asked.append(how["quick"])
        return Engine(bundle, **how)

    monkeypatch.setattr(module, "Engine", engine)
    Screener(bundle, expected=expected)
    monkeypatch.setattr(module, "_LARGE_BYTES", 100)
    Screener(bundle, expected=expected)
    assert asked == [False, quick]


def test_answers_can_be_written_as_json(bundle: Bundle, film: bytes) -> None:
    import json

    values = json.loads(json.dumps(Screener(bundle).screen(film).to_dict(), allow_nan=False))
    assert values["bundle"] == bundle.id
    assert values["path"] == f"{len(film)} bytes"
    assert set(values["cam_empty"]) == set(values["probabilities"]) == set(bundle.record.classes)
    assert values["notice"] == "Research use only"


def test_warnings_of_the_reader_are_passed_on(bundle: Bundle, tmp_path: Path, film: bytes) -> None:
    (tmp_path / "film.jpg").write_bytes(film)
    answer = Screener(bundle).screen(tmp_path / "film.jpg")
    assert any("PNG" in warning for warning in answer.warnings)
