from __future__ import annotations

import numpy as np
import pytest

from hilum.audit.agreement import (
    Agreement,
    MethodMap,
    compare_maps,
    in_words,
    on_grid,
    place_of,
    share_in,
)

NAMES = {"grad-cam": "Grad-CAM", "grad-cam++": "Grad-CAM++", "occlusion": "occlusion"}


def a_map(method: str, values: object) -> MethodMap:
    return MethodMap(
        method=method, label="covid", values=np.asarray(values, np.float32), grid=(4, 4)
    )


HILL = np.add.outer(np.arange(4), np.arange(4))
TURNED = HILL[::-1, ::-1]


def test_a_map_agrees_with_itself() -> None:
    (found,) = compare_maps([a_map("grad-cam", HILL), a_map("occlusion", HILL * 2)])
    assert found.rank_correlation == pytest.approx(1)
    assert found.peaks_apart == 0
    assert not found.disagree


def test_peaks_are_apart_by_a_share_of_the_side() -> None:
    (found,) = compare_maps([a_map("grad-cam", HILL), a_map("occlusion", TURNED)])
    assert found.rank_correlation == pytest.approx(-1)
    assert found.peaks_apart == pytest.approx(0.75 * 2**0.5)
    assert found.disagree


def test_a_finer_map_is_averaged_before_ranks_and_peaks_are_compared() -> None:
    fine = np.kron(HILL, np.ones((2, 2)))
    fine[0, 0] = 6.5  # the brightest pixel, in a cell that is not the brightest
    coarse = on_grid(fine.astype(np.float32), (4, 4))
    assert coarse[3, 3] == 6
    assert coarse[0, 0] == pytest.approx(6.5 / 4)
    (found,) = compare_maps([a_map("grad-cam", HILL), a_map("occlusion", fine)])
    assert found.peaks_apart == 0
    assert found.rank_correlation is not None
    assert 0.8 < found.rank_correlation < 1


@pytest.mark.parametrize(
    ("rank", "apart", "disagree"),
    [(0.9, 0.24, False), (0.9, 0.25, True), (0.01, 0.0, False), (0.0, 0.0, True)],
)
def test_maps_disagree_from_the_limits_on(rank: float, apart: float, disagree: bool) -> None:
    found = Agreement(first="a", second="b", rank_correlation=rank, peaks_apart=apart)
    assert found.disagree is disagree
    assert found.to_dict()["disagree"] is disagree


def test_three_maps_are_compared_two_by_two() -> None:
    maps = [a_map(method, HILL) for method in NAMES]
    pairs = [(one.first, one.second) for one in compare_maps(maps)]
    assert pairs == [
        ("grad-cam", "grad-cam++"), ("grad-cam", "occlusion"), ("grad-cam++", "occlusion")
    ]  # fmt: skip


@pytest.mark.parametrize("values", [np.zeros((4, 4)), np.ones((4, 4))])
def test_an_empty_or_even_map_is_compared_with_nothing(values: object) -> None:
    maps = [a_map("grad-cam", HILL), a_map("occlusion", values)]
    (found,) = compare_maps(maps)
    assert found.to_dict() == {
        "between": ["grad-cam", "occlusion"],
        "rank_correlation": None,
        "peaks_apart": None,
        "disagree": None,
    }
    said = in_words("covid", maps, [found], NAMES)
    assert "no two maps for covid to compare: nothing confirms the map" in said


def test_disagreement_is_said_with_its_figures_and_what_to_do() -> None:
    maps = [a_map("grad-cam", HILL), a_map("occlusion", TURNED)]
    said = in_words("covid", maps, compare_maps(maps), NAMES)
    assert "disagree about where the evidence for covid lies (Grad-CAM and occlusion: " in said
    assert "peaks 106\u00a0% of the square's side apart, rank correlation -1.00" in said
    assert said.endswith("do not trust the map of this film.")


def test_agreement_is_not_called_right() -> None:
    maps = [a_map("grad-cam", HILL), a_map("occlusion", HILL)]
    said = in_words("covid", maps, compare_maps(maps), NAMES)
    assert said.endswith("where the network looked, not that it was right to.")


def test_an_empty_map_is_named_beside_two_that_agree() -> None:
    maps = [a_map("grad-cam", HILL), a_map("grad-cam++", HILL), a_map("occlusion", HILL * 0)]
    said = in_words("covid", maps, compare_maps(maps), NAMES)
    assert said.startswith("The map of occlusion is empty. The maps agree")


def test_the_share_in_a_region_is_counted_on_the_maps_own_grid() -> None:
    region = np.zeros((8, 8), bool)
    region[:, 4:] = True
    values = np.zeros((4, 4), np.float32)
    values[0, 0], values[0, 3] = 1, 3
    assert share_in(values, region) == pytest.approx(0.75)


def test_a_map_says_where_it_is_strongest() -> None:
    values = np.zeros((8, 8))
    values[7, 0] = 5
    assert place_of(values.astype(np.float32)) == (0.9375, 0.0625)
    told = a_map("occlusion", values).to_dict()
    assert (told["peak"], told["peak_down"], told["peak_across"]) == (5.0, 0.875, 0.125)
    assert told["map"] == values.tolist()


def test_a_map_with_nan_counts_as_empty() -> None:
    one = a_map("occlusion", [[float("nan"), 1]])
    assert one.empty
    assert one.to_dict()["map"] == []
