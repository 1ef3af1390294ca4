"""Whether a bundle's fast engine can be opened here, and what is to be said of it.

Without its library the network in `model.onnx` answers instead: that is the one the fast engine was
measured against, so the answers are no worse, only slower; it is said all the same. With another
version or on another processor the engine may compute differently from what was measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hilum.errors import BundleError
from hilum.screening.cores import usable_cores
from hilum.screening.engines.open_vino import OpenVinoSession, installed_version
from hilum.screening.engines.processor import processor_flags, processor_name
from hilum.screening.engines.record import EngineRecord

if TYPE_CHECKING:
    from hilum.screening.bundle import Bundle

__all__ = ["Fast", "doubts", "fast_threads", "open_fast"]

_AGAIN = "Measure it here with `hilum optimize`."


@dataclass(frozen=True, slots=True)
class Fast:
    """An open fast engine."""

    session: OpenVinoSession
    version: str


def doubts(engine: EngineRecord) -> tuple[str, ...]:
    """Return what here differs from where the engine was measured; sentences."""
    version = installed_version()
    if version is None:
        absent = (
            f"OpenVINO is not installed, so the fast {engine.precision} engine was not used: the "
            "bundle's fp32 network answered. Install it with: pip install 'hilum[fast]'"
        )
        return (absent,)
    found = []
    if version != engine.version:
        found.append(
            f"The fast engine was measured with OpenVINO {engine.version}; this is {version}, "
            f"which may compute differently. {_AGAIN}"
        )
    flags = processor_flags()
    if flags != engine.flags:
        missing = [flag for flag in engine.flags if flag not in flags]
        more = [flag for flag in flags if flag not in engine.flags]
        differs = [f"lacks {', '.join(missing)}"] * bool(missing)
        differs += [f"also has {', '.join(more)}"] * bool(more)
        found.append(
            f"The fast engine was measured on {engine.processor}; this is {processor_name()}, "
            f"which {' and '.join(differs)}, so that {engine.precision} may give other "
            f"probabilities. {_AGAIN}"
        )
    return tuple(found)


def fast_threads(engine: EngineRecord) -> int:
    """Return the threads of one inference: those measured, or one a core on another machine."""
    cores = usable_cores()
    return engine.threads if cores == engine.cores else cores


def open_fast(bundle: Bundle, engine: EngineRecord, threads: int | None) -> Fast | None:
    """Return the open fast engine; None where OpenVINO is not installed.

    Raises:
        BundleError: If it is installed, but cannot open the engine.
        MissingExtraError: If it is installed, but cannot be imported.
    """
    version = installed_version()
    if version is None:
        return None
    rest = engine.rest if engine.precision == "int8" else engine.precision
    try:
        session = OpenVinoSession(
            bundle.engine_path, precision=rest, threads=threads or fast_threads(engine)
        )
    except RuntimeError as error:
        reason = str(error).strip().split("\n", 1)[0][:300]
        raise BundleError(
            f"{bundle.engine_path} cannot be opened by OpenVINO {version}: {reason}"
        ) from error
    return Fast(session, version)
