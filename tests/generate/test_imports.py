"""What needs torch says so, and what does not works without it."""

from __future__ import annotations

import importlib

import pytest
from tests.test_rooms import TRAINING_ONLY, run_without

import hilum.generate


@pytest.mark.parametrize("module", ["generate", "generate.settings", "generate.copies",
                                    "generate.sheet", "cli.generate"])  # fmt: skip
def test_it_imports_where_torch_cannot_be_found(module: str) -> None:
    done = run_without(TRAINING_ONLY, f"import hilum.{module}")
    assert done.returncode == 0, done.stderr


def test_training_names_its_extra_where_torch_cannot_be_found() -> None:
    done = run_without(TRAINING_ONLY, "from hilum.generate import fit_vae")
    assert done.returncode == 1
    assert "pip install 'hilum[train]'" in done.stderr


def test_what_the_room_exports_is_there() -> None:
    module = importlib.import_module("hilum.generate")
    assert len(set(module.__all__)) == len(module.__all__)
    assert all(callable(getattr(module, name)) for name in module.__all__)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'fit_vea'"):
        hilum.generate.fit_vea  # noqa: B018
