"""The whole of it: `hilum node`, the default bundle, and Debian's Orthanc."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.serve.archive import beside_orthanc, errors_of

pytest.importorskip("pynetdicom")
pytest.importorskip("highdicom")


def test_a_film_from_the_archive_comes_back_as_report_and_capture(
    phantom: Path, tmp_path: Path
) -> None:
    said = beside_orthanc("tests.serve.node_and_pacs", phantom, tmp_path)
    assert said["seconds"] < 10
    assert said["modalities"] == ["DX", "OT", "SR"]
    assert (said["sent_again"], said["objects"], said["exit_code"]) == (200, 3, 0)
    assert [errors_of(path) for path in tmp_path.glob("*.dcm")] == [[], []]
