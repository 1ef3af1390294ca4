from __future__ import annotations

import inspect

from hilum import errors


def test_every_error_is_listed_exported_and_drawn_in_the_tree() -> None:
    classes = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, Exception) and not name.startswith("_")
    }
    assert classes == set(errors.__all__)
    assert errors.__doc__ is not None
    assert all(name in errors.__doc__ for name in classes)
    assert all(issubclass(getattr(errors, name), errors.HilumError) for name in classes)


def test_a_listing_error_shows_twenty_and_counts_the_rest() -> None:
    error = errors.ConfigError("Wrong:", [f"fault {n}" for n in range(25)])
    assert len(error.problems) == 25
    assert "fault 19" in str(error)
    assert "fault 20" not in str(error)
    assert str(error).endswith("... and 5 more")


def test_a_missing_extra_names_the_line_that_installs_it() -> None:
    error = errors.MissingExtraError("torch", "train")
    assert "pip install 'hilum[train]'" in str(error)
    assert isinstance(error, ImportError)


def test_an_image_error_keeps_its_path_and_reason() -> None:
    error = errors.ImageReadError("a/b.png", "empty file")
    assert (error.path, error.reason) == ("a/b.png", "empty file")
