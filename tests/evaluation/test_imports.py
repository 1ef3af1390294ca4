"""What evaluation needs: numpy alone."""

from __future__ import annotations

import subprocess
import sys

import hilum.evaluation


def test_evaluation_imports_nothing_heavy() -> None:
    code = (
        "import sys, hilum.evaluation.matching, hilum.evaluation.predictions_csv\n"
        "heavy = {'torch', 'polars', 'pandas', 'scipy', 'sklearn', 'matplotlib', 'pydantic'}\n"
        "found = heavy & set(sys.modules)\n"
        "assert not found, found"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_public_name_is_there() -> None:
    assert sorted(hilum.evaluation.__all__) == sorted(set(hilum.evaluation.__all__))
    for name in hilum.evaluation.__all__:
        assert getattr(hilum.evaluation, name) is not None
