"""The lung segmenter: a network that calls dark pixels lung, and the one that ships."""

from __future__ import annotations

import csv
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from PIL import Image

from hilum.data.manifest import Manifest
from hilum.data.phantom import HOSPITALS, draw_phantom
from hilum.data.preprocessing import Preprocessing
from hilum.data.radiograph import Radiograph
from hilum.errors import BundleError, DataError, ImageReadError
from hilum.screening.bundle import Bundle, write_bundle
from hilum.screening.lungs import CLASSES, SHIPPED, LungSegmenter, describe_drawn
from hilum.screening.lungs_components import filled, hull_area, label_parts
from hilum.screening.lungs_measure import FilmScore, mean_of_films, score_films, summarise
from hilum.screening.lungs_quality import MaskLimits, MaskQuality, find_limits, overlap, weigh
from hilum.screening.lungs_truth import films_with_masks, read_lung_mask
from hilum.screening.lungs_write import TABLE, write_masks
from hilum.screening.record import Architecture, BundleRecord
from hilum.screening.screener import Screener

SIZE = 64
LOOSE = {"least": {"balance": 0.5, "apart": 0.2}, "most": {"area": 0.6}}


def dark_is_lung(*, size: int = SIZE, output: str = "lung") -> bytes:
    """Return a network: probability of lung = sigmoid(-8 x), above a half where x is negative."""
    onnx = pytest.importorskip("onnx")
    from onnx import helper, numpy_helper

    shape = ["batch", 1, size, size]
    graph = helper.make_graph(
        [
            helper.make_node("Mul", ["images", "steep"], ["logits"]),
            helper.make_node("Sigmoid", ["logits"], [output]),
        ],
        "dark",
        [helper.make_tensor_value_info("images", onnx.TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(output, onnx.TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(np.array(-8, np.float32), "steep")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def write_segmenter(folder: Path, *, model: bytes | None = None, **changes: Any) -> Bundle:
    values: dict[str, Any] = {
        "name": "dark",
        "created": "2024-05-01T10:00:00Z",
        "hilum_version": "0.1.0",
        "task": "segmentation",
        "classes": CLASSES,
        "architecture": Architecture(name="dark", channels=1, outputs=1),
        "preprocessing": Preprocessing(size=SIZE, square="pad"),
        "gate": {"mask_limits": LOOSE},
    }
    record = BundleRecord(**{**values, **changes})
    onnx = dark_is_lung() if model is None else model
    return write_bundle(folder, record, model_onnx=onnx, weights=b"weights")


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory: pytest.TempPathFactory) -> LungSegmenter:
    folder = tmp_path_factory.mktemp("segmenters") / "dark"
    write_segmenter(folder)
    return LungSegmenter.load(folder)


@pytest.fixture(scope="module")
def shipped() -> LungSegmenter:
    return LungSegmenter.load()


def ellipses(height: int, width: int, across: tuple[float, ...] = (0.3, 0.7)) -> NDArray[np.bool_]:
    """Return the truth of `chest_of`: one upright ellipse at each place across the film."""
    rows, columns = np.mgrid[:height, :width]
    y, x = (rows + 0.5) / height, (columns + 0.5) / width
    found = [((y - 0.5) / 0.3) ** 2 + ((x - place) / 0.13) ** 2 < 1 for place in across]
    return np.asarray(np.any(found, axis=0))


def chest_of(lungs: NDArray[np.bool_]) -> NDArray[np.uint8]:
    return np.where(lungs, 40, 220).astype(np.uint8)


@pytest.mark.parametrize("shape", [(200, 200), (300, 180), (150, 267)])
def test_a_mask_has_the_films_shape_and_covers_the_lungs(
    segmenter: LungSegmenter, shape: tuple[int, int]
) -> None:
    truth = ellipses(*shape)
    found = segmenter.mask(chest_of(truth))
    assert found.mask.shape == shape
    assert found.mask.dtype == np.bool_
    assert overlap(found.mask, truth)[0] > 0.97


def test_sixteen_bits_give_the_mask_that_eight_give(segmenter: LungSegmenter) -> None:
    pixels = chest_of(ellipses(200, 160))
    deep = Radiograph(
        pixels=pixels.astype(np.uint16) * 257,
        white=65535,
        format="png",
        sha256="",
        full_shape=(200, 160),
    )
    assert np.array_equal(segmenter.mask(deep).mask, segmenter.mask(pixels).mask)


def test_two_ellipses_are_called_good_in_words(segmenter: LungSegmenter) -> None:
    found = segmenter.mask(chest_of(ellipses(200, 200)))
    assert found.good
    assert found.words == "good: two lungs on 25% of the film"
    assert found.to_dict()["reasons"] == []


def test_one_lung_is_called_poor_with_the_figure_and_the_limit(segmenter: LungSegmenter) -> None:
    found = segmenter.mask(chest_of(ellipses(200, 200, (0.3,))))
    assert not found.good
    assert found.words == (
        "poor: the lungs differ much in size, or one is missing "
        "(balance 0.00, at least 0.50 expected)"
    )


def test_a_film_without_a_lung_has_one_reason(segmenter: LungSegmenter) -> None:
    found = segmenter.mask(np.full((100, 100), 220, np.uint8))
    assert not found.mask.any()
    assert found.reasons == ("no lung was found",)


def test_faults_are_the_same_words_for_every_film(segmenter: LungSegmenter) -> None:
    one, other = (segmenter.mask(chest_of(ellipses(200, 200, (at,)))) for at in (0.3, 0.6))
    assert one.faults == other.faults
    assert one.faults[0] == "the lungs differ much in size, or one is missing"


def test_only_the_two_largest_parts_stay_and_the_rest_is_counted(segmenter: LungSegmenter) -> None:
    truth = ellipses(200, 200)
    pixels = chest_of(truth)
    pixels[:20, :20] = 40
    found = segmenter.mask(pixels)
    assert not found.mask[:20, :20].any()
    assert found.quality.stray == pytest.approx(400 / (400 + truth.sum()), abs=0.01)


def test_a_hole_in_a_lung_is_filled(segmenter: LungSegmenter) -> None:
    pixels = chest_of(ellipses(200, 200))
    pixels[90:105, 55:65] = 220
    assert segmenter.mask(pixels).mask[98, 60]


@pytest.mark.parametrize(
    "bad",
    [np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.float32), np.zeros((0, 8), np.uint8)],
)
def test_what_is_no_grey_picture_is_refused(segmenter: LungSegmenter, bad: Any) -> None:
    with pytest.raises(ValueError, match="Expected grey levels, uint8 of shape"):
        segmenter.mask(bad)


# The folder


def test_a_changed_byte_is_noticed(tmp_path: Path) -> None:
    write_segmenter(tmp_path / "dark")
    model = tmp_path / "dark" / "model.onnx"
    model.write_bytes(model.read_bytes()[:-1] + b"!")
    with pytest.raises(BundleError, match="model.onnx: expected sha256"):
        LungSegmenter.load(tmp_path / "dark")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    write_segmenter(tmp_path / "dark")
    (tmp_path / "dark" / "weights.safetensors").unlink()
    with pytest.raises(BundleError, match="weights.safetensors: it is missing"):
        LungSegmenter.load(tmp_path / "dark")


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="Expected a bundle folder"):
        LungSegmenter.load(tmp_path / "nowhere")


def test_a_classifier_is_no_segmenter(bundle: Bundle) -> None:
    with pytest.raises(BundleError, match="does not find lungs.*got task multiclass"):
        LungSegmenter(bundle)


def test_a_segmenter_is_no_classifier(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="not the network of its record"):
        Screener(write_segmenter(tmp_path / "dark"))


@pytest.mark.parametrize("other", [{"size": 32}, {"output": "mask"}])
def test_another_network_than_the_records_is_refused(tmp_path: Path, other: Any) -> None:
    bundle = write_segmenter(tmp_path / "dark", model=dark_is_lung(**other))
    with pytest.raises(BundleError, match="is not the network of its record"):
        LungSegmenter(bundle)


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    bundle = write_segmenter(tmp_path / "dark", model=b"no network")
    with pytest.raises(BundleError, match="cannot be opened as an ONNX network"):
        LungSegmenter(bundle)


def test_a_segmenter_must_see_the_whole_film(tmp_path: Path) -> None:
    bundle = write_segmenter(
        tmp_path / "dark", preprocessing=Preprocessing(size=SIZE, square="crop")
    )
    with pytest.raises(BundleError, match="does not see whole films"):
        LungSegmenter(bundle)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (None, "must be an object with least and most"),
        ({"least": {"aera": 0.1}, "most": {}}, "least.aera: unknown.*area"),
        ({"least": {}, "most": {"area": "much"}}, "most.area must be a number, got 'much'"),
        ({"least": 3, "most": {}}, "least must be an object of numbers"),
    ],
)
def test_limits_that_cannot_be_used_are_refused(tmp_path: Path, limits: Any, said: str) -> None:
    bundle = write_segmenter(tmp_path / "dark", gate={"mask_limits": limits})
    with pytest.raises(BundleError, match=said):
        LungSegmenter(bundle)


def test_a_segmentation_has_two_classes_and_one_output() -> None:
    with pytest.raises(BundleError, match="a segmentation task has two classes, got 3"):
        BundleRecord(
            name="x", created="x", hilum_version="x", task="segmentation",
            classes=("a", "b", "c"), preprocessing=Preprocessing(),
            architecture=Architecture(name="x", channels=1, outputs=1),
        )  # fmt: skip


# Parts of a mask


def test_parts_are_those_that_scipy_finds() -> None:
    ndimage = pytest.importorskip("scipy.ndimage")
    rng = np.random.default_rng(3)
    for share in (0.3, 0.5, 0.6, 0.7):
        mask = rng.random((40, 50)) < share
        ours, (theirs, count) = label_parts(mask), ndimage.label(mask)
        pairs = {(int(a), int(b)) for a, b in zip(ours.ravel(), theirs.ravel(), strict=True)}
        assert len(pairs) == count + 1
        sizes = np.bincount(ours.ravel())[1:]
        assert np.all(np.diff(sizes) <= 0)
        assert np.array_equal(filled(mask), ndimage.binary_fill_holes(mask))


def test_an_empty_mask_has_no_parts() -> None:
    assert not label_parts(np.zeros((3, 4), np.bool_)).any()


# Quality


def quality_of(lungs: NDArray[np.bool_]) -> MaskQuality:
    return weigh(label_parts(lungs), lungs.astype(np.float32), 1.0)


def test_figures_of_two_rectangles_are_those_counted_by_hand() -> None:
    lungs = np.zeros((10, 10), np.bool_)
    lungs[2:8, 1:4] = True  # 18 pixels, centre at column 2
    lungs[2:6, 6:9] = True  # 12 pixels, centre at column 7; together they span columns 1 to 8
    found = quality_of(lungs)
    assert found.area == pytest.approx(0.30)
    assert found.balance == pytest.approx(12 / 18)
    assert found.apart == pytest.approx(5 / 8)
    assert found.level == 1
    assert found.taper == 1
    assert (found.stray, found.cut, found.certainty) == (0, 0, 1)


def test_a_lung_wide_at_the_top_has_a_taper_above_one() -> None:
    rows, columns = np.mgrid[:60, :60]
    cone = (abs(columns - 15) < rows / 5) | (abs(columns - 45) < rows / 5)
    assert quality_of(cone).taper < 0.5
    assert quality_of(cone[::-1]).taper > 2


def test_a_doubtful_mask_has_less_certainty() -> None:
    lungs = ellipses(64, 64)
    doubt = np.where(lungs, 0.6, 0.3).astype(np.float32)
    share = lungs.mean()
    expected = 2 * 0.6 * share / (share + 0.6 * share + 0.3 * (1 - share))
    assert weigh(label_parts(lungs), doubt, 1.0).certainty == pytest.approx(expected, abs=1e-5)


def test_an_empty_mask_is_poor_by_every_figure_it_lacks() -> None:
    found = quality_of(np.zeros((20, 20), np.bool_))
    assert (found.certainty, found.area, found.balance, found.stray) == (0, 0, 0, 1)


def test_lungs_at_the_films_edge_are_cut() -> None:
    lungs = np.zeros((10, 10), np.bool_)
    lungs[:, :3] = True
    lungs[:, 6:9] = True
    assert quality_of(lungs).cut == pytest.approx((10 + 2 * 2 + 2 * 3) / 36)


def qualities(**columns: list[float]) -> list[MaskQuality]:
    values = dict.fromkeys(quality_of(ellipses(9, 9)).to_dict(), 0.5)
    rows = zip(*columns.values(), strict=True)
    return [MaskQuality(**{**values, **dict(zip(columns, row, strict=True))}) for row in rows]


def test_limits_lie_half_as_far_again_from_the_median_as_96_in_100() -> None:
    areas = np.linspace(0, 1, 101).tolist()
    limits = find_limits(qualities(agreement=[0.9, 0.9]), qualities(area=areas))
    assert limits.least["area"] == pytest.approx(0.02 - 0.24)
    assert limits.most["area"] == pytest.approx(0.98 + 0.24)
    assert (limits.least["agreement"], limits.least["balance"]) == (0.9, 0.5)
    assert "agreement" not in limits.most


def test_a_little_stray_or_cut_is_no_fault_whatever_was_met() -> None:
    some = qualities(stray=[0.0], cut=[0.0])
    limits = find_limits(some, some)
    assert (limits.most["stray"], limits.most["cut"]) == (0.02, 0.05)


def test_limits_need_found_and_drawn_masks() -> None:
    with pytest.raises(ValueError, match="need found and drawn masks, got 0 and 1"):
        find_limits([], qualities(area=[0.3]))


def test_a_drawn_mask_is_described_alike_at_every_size() -> None:
    small, large = (describe_drawn(ellipses(*shape)) for shape in ((150, 120), (1500, 1200)))
    assert small.to_dict() == pytest.approx(large.to_dict(), abs=0.02)


def test_the_hull_of_a_rectangle_is_its_pixels_and_of_a_corner_more() -> None:
    mask = np.zeros((9, 9), np.bool_)
    mask[2:6, 1:8] = True
    assert hull_area(mask) == 28
    mask[3:, 4:] = False
    assert hull_area(mask) == pytest.approx(7 + 3 * (7 + 3) / 2)
    assert hull_area(np.zeros((3, 3), np.bool_)) == 0


def test_the_hull_is_the_one_that_opencv_finds() -> None:
    cv2 = pytest.importorskip("cv2")
    rng = np.random.default_rng(5)
    for _ in range(20):
        mask = rng.random((30, 40)) < 0.02
        mask[10, 10] = True
        rows, columns = np.nonzero(mask)
        corners = [(c + x, r + y) for r, c in zip(rows, columns, strict=True)
                   for x in (0, 1) for y in (0, 1)]  # fmt: skip
        assert hull_area(mask) == cv2.contourArea(cv2.convexHull(np.array(corners, np.int32)))


def test_a_lung_with_an_arm_is_less_solid() -> None:
    lungs = ellipses(100, 100)
    armed = lungs.copy()
    armed[20:24, 30:48] = True
    assert quality_of(armed).solid < quality_of(lungs).solid - 0.05


def test_limits_come_back_from_their_record() -> None:
    limits = MaskLimits(least={"area": 0.1}, most={"cut": 0.2})
    assert MaskLimits.from_dict(limits.to_dict()) == limits


def test_overlap_refuses_masks_of_two_shapes() -> None:
    with pytest.raises(ValueError, match="masks must have one shape"):
        overlap(np.zeros((2, 2), np.bool_), np.zeros((2, 3), np.bool_))


# Masks that people drew


def write_png(path: Path, values: NDArray[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)
    return path


def test_a_drawn_mask_of_ones_or_of_whites_reads_the_same(tmp_path: Path) -> None:
    lungs = ellipses(30, 20)
    ones = write_png(tmp_path / "ones.png", lungs.astype(np.uint8))
    whites = write_png(tmp_path / "whites.png", lungs.astype(np.uint8) * 255)
    bits = tmp_path / "bits.png"
    Image.fromarray(lungs).save(bits)
    for path in (ones, whites, bits):
        assert np.array_equal(read_lung_mask(path, (30, 20)), lungs)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.zeros((30, 20), np.uint8), "The lung mask is empty"),
        (np.full((30, 20), 255, np.uint8), "The lung mask is full"),
        (np.eye(20, dtype=np.uint8), "Expected a lung mask of 20 x 30 pixels.*got 20 x 20"),
    ],
)
def test_a_mask_that_cannot_be_of_its_film_is_refused(
    tmp_path: Path, values: NDArray[Any], said: str
) -> None:
    path = write_png(tmp_path / "mask.png", values)
    with pytest.raises(ImageReadError, match=said):
        read_lung_mask(path, (30, 20))


def test_a_mask_that_is_missing_or_no_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageReadError, match="There is no such lung mask"):
        read_lung_mask(tmp_path / "none.png", (3, 3))
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(ImageReadError, match="got no readable picture"):
        read_lung_mask(tmp_path / "text.png", (3, 3))


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """A manifest of four films of three people; the last has no mask."""
    rows = []
    for number, patient in enumerate(("p1", "p1", "p2", "p3")):
        lungs = ellipses(120, 100 + 10 * number)
        write_png(tmp_path / f"{number}.png", chest_of(lungs))
        write_png(tmp_path / f"mask-{number}.png", lungs)
        mask = f"mask-{number}.png" if number < 3 else None
        rows.append((f"{number}.png", patient, "drawn", "any", "test", mask))
    columns = ["path", "patient_id", "source", "label", "split", "lung_mask"]
    pl.DataFrame(rows, schema=columns, orient="row").write_csv(tmp_path / "manifest.csv")
    return tmp_path / "manifest.csv"


def test_films_come_with_the_masks_drawn_on_them(films: Path) -> None:
    found = list(films_with_masks(Manifest.read(films), "test"))
    assert [drawn.patient for drawn in found] == [("drawn", "p1")] * 2 + [("drawn", "p2")]
    assert all(drawn.mask.shape == drawn.film.shape for drawn in found)


def test_a_manifest_without_masks_is_refused(films: Path) -> None:
    manifest = Manifest.read(films)
    bare = Manifest.from_frame(manifest.frame.drop("lung_mask"), manifest.root)
    with pytest.raises(DataError, match="Expected films with a lung mask in this manifest"):
        list(films_with_masks(bare))
    with pytest.raises(DataError, match="in split 'val' of this manifest, got none"):
        list(films_with_masks(manifest, "val"))


# Measuring


def test_measuring_counts_films_and_patients(segmenter: LungSegmenter, films: Path) -> None:
    scores = score_films(segmenter, list(films_with_masks(Manifest.read(films))))
    (row,) = summarise(scores)
    assert (row.source, row.films, row.patients, row.called_poor) == ("drawn", 3, 2, 0)
    assert row.dice.estimate is not None
    assert row.dice.estimate > 0.97
    assert row.iou.estimate is not None
    assert row.iou.estimate < row.dice.estimate


def score(source: str, patient: str, dice: float, *, good: bool = True) -> FilmScore:
    return FilmScore(
        path=f"{patient}.png", source=source, patient=(source, patient), dice=dice,
        iou=dice / (2 - dice), good=good, reasons=() if good else ("no",),
    )  # fmt: skip


def test_sources_are_told_apart_and_put_together() -> None:
    rows = summarise([score("a", "1", 0.9), score("a", "2", 0.8), score("b", "1", 0.4, good=False)])
    assert [row.source for row in rows] == ["a", "b", "all sources"]
    assert rows[2].patients == 3
    assert rows[2].dice.estimate == pytest.approx(0.7)
    assert rows[2].dice_of_good.estimate == pytest.approx(0.85)
    assert rows[1].dice_of_good.estimate is None
    assert rows[1].dice.low is None


def test_the_mean_of_films_has_the_interval_of_a_t_test_where_patients_have_one_film() -> None:
    stats = pytest.importorskip("scipy.stats")
    values = np.random.default_rng(1).normal(0.8, 0.05, 12)
    found = mean_of_films(values, np.arange(12))
    expected = stats.t.interval(0.95, 11, values.mean(), values.std(ddof=1) / np.sqrt(12))
    assert (found.low, found.high) == pytest.approx(expected, abs=1e-6)
    assert found.estimate == pytest.approx(values.mean())


def test_the_interval_of_a_mean_holds_about_as_often_as_it_says() -> None:
    rng, held = np.random.default_rng(11), 0
    patients = np.repeat(np.arange(12), [1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 4])
    for _ in range(3000):
        values = rng.normal(0.8, 0.05, 12)[patients] + rng.normal(0, 0.01, patients.size)
        found = mean_of_films(values, patients)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 0.8 <= found.high
    assert 0.93 <= held / 3000 <= 0.97


def test_a_dozen_films_of_one_patient_have_no_interval() -> None:
    found = mean_of_films(np.full(12, 0.9), np.zeros(12, np.int64))
    assert (found.low, found.high) == (None, None)
    assert found.reason is not None


def test_nothing_to_summarise_is_refused() -> None:
    with pytest.raises(ValueError, match="scores must not be empty"):
        summarise([])


# Writing


def test_masks_are_written_for_films_without_one(
    segmenter: LungSegmenter, films: Path, tmp_path: Path
) -> None:
    written = write_masks(Manifest.read(films), tmp_path / "out", segmenter)
    assert (written.good, written.poor, written.drawn) == ({"drawn": 1}, {}, 3)
    (row,) = rows_of(tmp_path / "out")
    assert row["path"] == "3.png"
    mask = read_lung_mask(tmp_path / "out" / row["mask"], (120, 130))
    assert overlap(mask, ellipses(120, 130))[0] > 0.97


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / TABLE).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_poor_mask_is_listed_and_not_written(
    segmenter: LungSegmenter, films: Path, tmp_path: Path
) -> None:
    write_png(tmp_path / "3.png", chest_of(ellipses(120, 130, (0.3,))))
    written = write_masks(Manifest.read(films), tmp_path / "out", segmenter)
    (row,) = rows_of(tmp_path / "out")
    assert written.poor == {"drawn": 1}
    assert (row["good"], row["mask"]) == ("False", "")
    assert "one is missing" in row["reasons"]
    assert not any((tmp_path / "out" / "masks").iterdir())


def test_a_film_that_cannot_be_read_is_told_and_the_rest_goes_on(
    segmenter: LungSegmenter, films: Path, tmp_path: Path
) -> None:
    manifest = Manifest.read(films)
    bare = Manifest.from_frame(manifest.frame.drop("lung_mask"), manifest.root)
    (tmp_path / "1.png").write_bytes(b"broken")
    written = write_masks(bare, tmp_path / "out", segmenter)
    assert [path for path, _ in written.failed] == ["1.png"]
    assert written.good == {"drawn": 3}


def test_a_folder_with_something_in_it_is_left_alone(
    segmenter: LungSegmenter, films: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="is not an empty folder"):
        write_masks(Manifest.read(films), tmp_path, segmenter)


# The segmenter that ships


@pytest.fixture(scope="module")
def phantoms() -> list[Any]:
    rng = np.random.default_rng(20_011)
    return [draw_phantom(rng, hospital=where, size=256) for where in HOSPITALS for _ in range(3)]


def test_the_shipped_folder_is_small_and_holds_nothing_else(shipped: LungSegmenter) -> None:
    names = {path.name for path in SHIPPED.iterdir()}
    assert names == {"model.onnx", "weights.safetensors", "bundle.json", "README.md"}
    assert (SHIPPED / "model.onnx").stat().st_size < 2_000_000
    assert "Research use only" in (SHIPPED / "README.md").read_text(encoding="utf-8")


def test_the_shipped_record_tells_its_training_and_its_figures(shipped: LungSegmenter) -> None:
    record = shipped.bundle.record
    assert record.training["n_images"] == 60
    assert len(record.training["manifest_sha256"]) == 64
    assert record.measured["dice_by_source"]["cohen"]["films"] == 19
    assert {hospital.name for hospital in HOSPITALS} <= {*record.measured["dice_by_source"]}


def test_the_shipped_segmenter_outlines_phantoms(
    shipped: LungSegmenter, phantoms: list[Any]
) -> None:
    found = [shipped.mask(phantom.pixels) for phantom in phantoms]
    scores = [
        overlap(one.mask, phantom.lung_field)[0]
        for one, phantom in zip(found, phantoms, strict=True)
    ]
    assert min(scores) > 0.9
    assert sum(one.good for one in found) >= len(found) - 1


STRANGERS: dict[str, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    "upside down": lambda film: np.ascontiguousarray(film[::-1]),
    "sideways": lambda film: np.ascontiguousarray(np.rot90(film)),
    "half a film": lambda film: np.ascontiguousarray(film[:, : film.shape[1] // 2]),
    "black": np.zeros_like,
    "noise": lambda film: np.random.default_rng(1).integers(0, 256, film.shape, np.uint8),
}


@pytest.mark.parametrize("name", list(STRANGERS))
def test_the_shipped_segmenter_does_not_believe_masks_of_other_pictures(
    shipped: LungSegmenter, phantoms: list[Any], name: str
) -> None:
    change = STRANGERS[name]
    believed = sum(shipped.mask(change(phantom.pixels)).good for phantom in phantoms)
    assert believed <= 1


def test_the_shipped_segmenter_is_as_good_on_test_patients_as_its_record_says(
    shipped: LungSegmenter, shared_data: Path
) -> None:
    manifest = Manifest.read(shared_data / "cxr" / "manifest.csv", check_files=False)
    (row,) = summarise(score_films(shipped, list(films_with_masks(manifest, "test"))))
    recorded = shipped.bundle.record.measured["dice_by_source"]["cohen"]
    assert row.dice.estimate == pytest.approx(recorded["dice"]["value"], abs=1e-3)
    assert row.films == recorded["films"]


def test_a_film_takes_less_than_a_second(shipped: LungSegmenter, phantoms: list[Any]) -> None:
    shipped.mask(phantoms[0].pixels)
    start = time.perf_counter()
    shipped.mask(phantoms[1].pixels)
    assert time.perf_counter() - start < 1


def test_a_copy_of_the_shipped_folder_works_elsewhere(tmp_path: Path) -> None:
    shutil.copytree(SHIPPED, tmp_path / "copy")
    assert LungSegmenter.load(tmp_path / "copy").id == Bundle.load(SHIPPED).id
