"""With Debian's Orthanc: film in, report and capture back."""

from __future__ import annotations

import numpy as np
import pytest
from tests.serve.archive import beside_orthanc, errors_of

pytest.importorskip("pynetdicom")
pytest.importorskip("highdicom")


@pytest.mark.parametrize("way", ["dimse", pytest.param("web", marks=pytest.mark.slow)])
def test_a_film_comes_back_as_report_and_capture(phantom, tmp_path, way) -> None:
    said = beside_orthanc("tests.serve.node.round_trip", phantom, tmp_path, way)
    assert said["echo"]
    assert said["seconds"] < 10
    assert said["states"] == ["sent"]
    assert said["kinds"] == ["CANDIDATE", "OWN", "OWN"]
    assert (said["answers"], said["read_again"], said["objects_at_pacs"]) == (1, 0, 3)
    assert said["commitment"] == "Success"
    assert (said["failures"], said["left_in_arrivals"]) == ({}, 0)
    assert [errors_of(path) for path in said["files"].values()] == [[], []]


def test_the_phantom_is_a_film_the_default_bundle_reads(phantom) -> None:
    from hilum.screening.default import default_bundle
    from hilum.screening.screener import Screener

    screening = Screener(default_bundle()).screen(phantom)
    assert screening.accepted
    assert np.isclose(sum(screening.probabilities.values()), 1)
