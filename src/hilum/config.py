"""Settings that people write: read from YAML, changed from the command line, checked all at once.

Every record that a recipe is made of derives from `Settings`. `load_settings` reads the file,
applies `key=value` changes, and reports each unknown key (with the nearest known one), each wrong
type and each impossible value in a single error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from hilum.errors import ConfigError
from hilum.registry import suggestion

__all__ = ["Settings", "apply_changes", "check_settings", "load_settings", "read_yaml"]


class Settings(BaseModel):
    """A frozen record of settings that refuses keys it does not know."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )


S = TypeVar("S", bound=Settings)


def read_yaml(path: str | Path) -> dict[str, Any]:
    """Read a YAML file that holds a mapping, with the safe loader.

    Raises:
        ConfigError: If the file is missing, not text, not YAML, or not a mapping.
    """
    path = Path(path)
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"Cannot read the recipe {path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"The recipe {path} is not UTF-8 text (byte {error.start}).") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"The recipe {path} is not valid YAML: {error}") from error
    if not isinstance(values, dict):
        raise ConfigError(
            f"The recipe {path} must be a mapping of settings, got {type(values).__name__}."
        )
    return values


def apply_changes(values: Mapping[str, Any], changes: Iterable[str]) -> dict[str, Any]:
    """Return `values` with dotted `key=value` changes applied; values are read as YAML.

    >>> apply_changes({"training": {"epochs": 5}}, ["training.epochs=2"])
    {'training': {'epochs': 2}}

    Raises:
        ConfigError: If a change has no `=`, is not YAML, or goes through something that is not a
            group.
    """
    result: dict[str, Any] = _copied(dict(values))
    for change in changes:
        key, equals, text = change.partition("=")
        if not equals or not key:
            raise ConfigError(f"A change must look like training.epochs=5, got {change!r}.")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ConfigError(f"The value of the change {change!r} is not valid YAML.") from error
        *groups, last = key.split(".")
        place = result
        for group in groups:
            place = place.setdefault(group, {})
            if not isinstance(place, dict):
                raise ConfigError(f"The change {change!r} goes through {group!r}, not a group.")
        place[last] = value
    return result


def _copied(values: Any) -> Any:
    if isinstance(values, dict):
        return {key: _copied(value) for key, value in values.items()}
    return values


def check_settings(kind: type[S], values: Mapping[str, Any], *, name: str) -> S:
    """Make a record of `kind` from plain values.

    Args:
        kind: The record's class.
        values: Nested plain values.
        name: What the values came from, for the message.

    Raises:
        ConfigError: Every unknown key, wrong type and impossible value, at once.
    """
    try:
        return kind.model_validate(dict(values))
    except ValidationError as error:
        problems = [_problem(kind, dict(item)) for item in error.errors(include_url=False)]
        raise ConfigError(f"{name} cannot be used as it is:", problems) from error


def load_settings(kind: type[S], path: str | Path, changes: Iterable[str] = ()) -> S:
    """Read a recipe file, apply changes, and check it.

    A file may begin with `extends: other.yaml`, a path from its own folder: it then says only what
    differs from that file. Groups are merged key by key, an empty group takes the place of a full
    one, and everything else is replaced.

    Raises:
        ConfigError: If the file, one it extends, a change or a setting is wrong.
    """
    values = _extended(Path(path), ())
    return check_settings(kind, apply_changes(values, changes), name=f"The recipe {path}")


def _extended(path: Path, through: tuple[Path, ...]) -> dict[str, Any]:
    """Read a file and what it extends, the nearer file winning."""
    values = read_yaml(path)
    parent = values.pop("extends", None)
    if parent is None:
        return values
    seen = (*through, path.resolve())
    if not isinstance(parent, str):
        raise ConfigError(f"extends in {path} must be the path of a recipe, got {parent!r}.")
    if (path.parent / parent).resolve() in seen:
        raise ConfigError(f"{path} extends {parent}, which extends it in turn; drop one of them.")
    return _merged(_extended(path.parent / parent, seen), values)


def _merged(base: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in changes.items():
        before = result.get(key)
        if isinstance(before, dict) and isinstance(value, dict) and value:
            result[key] = _merged(before, value)
        else:
            result[key] = value
    return result


def _problem(kind: type[BaseModel], item: dict[str, Any]) -> str:
    where = [str(part) for part in item["loc"]]
    place = ".".join(where) or "recipe"
    if item["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        return f"{place}: unknown key. {suggestion(where[-1], _keys_beside(kind, where[:-1]))}"
    if item["type"] == "missing":
        return f"{place}: missing; it has no default."
    cause = item.get("ctx", {}).get("error")
    message = (str(cause) if cause is not None else item["msg"]).replace("\n", " ")
    # A contradiction between settings names them itself; the whole record would only hide it.
    got = "" if isinstance(item.get("input"), dict) else f"; got {_short(item.get('input'))}"
    return f"{place}: {message}{got}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _keys_beside(kind: Any, groups: list[str]) -> list[str]:
    """Return the keys that the record at `groups` inside `kind` knows."""
    for group in groups:
        known = getattr(kind, "model_fields", None) or getattr(kind, "__dataclass_fields__", {})
        if group not in known:
            break
        entry = known[group]
        kind = getattr(entry, "annotation", None) or getattr(entry, "type", None)
    known = getattr(kind, "model_fields", None) or getattr(kind, "__dataclass_fields__", {})
    return list(known)
