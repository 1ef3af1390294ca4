"""Writing a cohort of phantoms: pictures, masks, and a manifest like any hospital's."""

from __future__ import annotations

import csv
import io
import json
import multiprocessing
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from hilum.data.atomic import replacing
from hilum.data.phantom.canvas import Plane
from hilum.data.phantom.drawing import Phantom, draw_phantom
from hilum.data.phantom.flaws import plant
from hilum.data.phantom.hospital import HOSPITALS, find_hospital
from hilum.data.phantom.lesions import lesions
from hilum.data.phantom.plan import Film, plan_cohort
from hilum.data.phantom.stamps import add_frame, add_text
from hilum.data.phantom.subject import Subject
from hilum.errors import ConfigError, DataError
from hilum.registry import suggestion

if TYPE_CHECKING:
    from hilum.data.manifest import Manifest

__all__ = ["draw_film", "write_cohort"]

_FOLDERS = ("images", "lung_masks", "lesion_masks")
_DICOM = "dicom"
_COLUMNS = (
    "path", "patient_id", "source", "label", "split", "study_id", "view", "sex", "age",
    "lung_mask", "lesion_mask", "severity", "width", "height",
)  # fmt: skip
_BATCH = 4

Row = dict[str, str | int | float]


@dataclass(frozen=True, slots=True)
class _Task:
    """Where and how large the films are written, and whether as DICOM too."""

    folder: Path
    size: int
    dicom: bool


def write_cohort(
    out: str | Path,
    *,
    patients: int = 120,
    seed: int = 0,
    size: int = 512,
    classes: Sequence[str] = ("normal", "consolidation", "ground_glass"),
    hospitals: int = 3,
    images_per_patient: tuple[int, int] = (1, 3),
    flaws: Sequence[str] | Mapping[str, float | None] = (),
    dicom: bool = False,
    workers: int | None = None,
    force: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Manifest:
    """Draw a cohort of phantom subjects and write it to a folder.

    The folder gets images/, lung_masks/, lesion_masks/, manifest.csv, and phantoms.json, which says
    how it was made. The same arguments give the same bytes, whatever `workers` is.

    Args:
        out: A folder that is new or empty.
        patients: Number of subjects, at least 3; 60 % train, 20 % val, 20 % test.
        seed: Of everything, at least 0.
        size: Shorter side of a film in pixels, in [64, 2048].
        classes: Findings: "normal", "consolidation", "ground_glass", "nodule".
        hospitals: Number of hospitals, 1 to 5.
        images_per_patient: Fewest and most films of one subject.
        flaws: Names of flaws to plant, or names with strengths; none by default.
        dicom: Write each film as DICOM too, to dicom/; the manifest lists the PNGs.
        workers: Processes; None draws in this one. More need an importable main module: in a
            script, call this below `if __name__ == "__main__":`.
        force: Delete an earlier cohort in `out` first; other files stay.
        progress: Called with (images done, images in all).

    Returns:
        The manifest, read back and checked.

    Raises:
        ConfigError: If a setting cannot be honoured; lists every problem.
        DataError: If `out` is not empty and `force` is not set.
    """
    _check(
        patients=patients,
        seed=seed,
        size=size,
        classes=classes,
        hospitals=hospitals,
        images_per_patient=images_per_patient,
        workers=1 if workers is None else workers,
    )
    names = [hospital.name for hospital in HOSPITALS[:hospitals]]
    plan = plan_cohort(
        patients=patients,
        seed=seed,
        classes=classes,
        hospitals=names,
        images_per_patient=images_per_patient,
    )
    films = plant(plan, flaws, seed).films
    folder = Path(out)
    _make_room(folder, dicom=dicom, force=force)
    rows = []
    for row in _drawn(films, _Task(folder, size, dicom), workers or 1):
        rows.append(row)
        if progress is not None:
            progress(len(rows), len(films))
    planted = dict(flaws) if isinstance(flaws, Mapping) else sorted(flaws)
    made = {"patients": patients, "seed": seed, "size": size, "classes": list(classes)}
    _write_tables(folder, rows, {**made, "hospitals": names, "flaws": planted})
    from hilum.data.manifest import Manifest

    return Manifest.read(folder / "manifest.csv")


def draw_film(film: Film, size: int) -> Phantom:
    """Draw a planned film, with whatever flaws were planted in it."""
    phantom = draw_phantom(
        np.random.default_rng(film.exposure),
        label=film.label,
        hospital=find_hospital(film.hospital),
        size=size,
        subject=Subject.draw(np.random.default_rng(film.subject)),
        severity=film.severity,
    )
    if film.token is None and film.frame is None and not film.regrade:
        return phantom
    grey: Plane = phantom.pixels.astype(np.float32) / np.float32(255)
    if film.token is not None:
        grey = add_text(grey, film.token, (0.93, 0.94), 0.045)
    if film.frame is not None:
        grey = add_frame(grey, film.frame)
    grey = np.clip(grey + np.float32(film.regrade), 0, 1)
    return replace(phantom, pixels=np.rint(grey * 255).astype(np.uint8))


def _check(
    *,
    patients: int,
    seed: int,
    size: int,
    classes: Sequence[str],
    hospitals: int,
    images_per_patient: tuple[int, int],
    workers: int,
) -> None:
    """Refuse settings that cannot be honoured, all at once."""
    fewest, most = images_per_patient
    rules = (
        (patients >= 3, f"patients must be at least 3, one for each split, got {patients}"),
        (seed >= 0, f"seed must be at least 0, got {seed}"),
        (64 <= size <= 2048, f"size must be in [64, 2048] pixels, got {size}"),
        (len(classes) > 0, "classes must name at least one finding, got none"),
        (len(set(classes)) == len(classes), f"classes must differ, got {', '.join(classes)}"),
        (
            1 <= hospitals <= len(HOSPITALS),
            f"hospitals must be in [1, {len(HOSPITALS)}], got {hospitals}",
        ),
        (
            1 <= fewest <= most,
            f"images_per_patient must be (fewest, most), at least 1, got {images_per_patient}",
        ),
        (workers >= 1, f"workers must be at least 1, got {workers}"),
    )
    problems = [problem for kept, problem in rules if not kept]
    problems += [
        f"no class called {name!r}. {suggestion(name, [*lesions])}"
        for name in classes
        if name not in lesions
    ]
    if problems:
        raise ConfigError("This cohort cannot be drawn:", problems)


def _make_room(folder: Path, *, dicom: bool, force: bool) -> None:
    """Make the folders, on an empty place or in that of an earlier cohort."""
    if folder.exists() and not folder.is_dir():
        raise DataError(f"Expected a folder, got the file {folder}")
    if folder.is_dir() and any(folder.iterdir()):
        if not force:
            raise DataError(f"{folder} is not empty. Choose a new folder, or use --force.")
        if not (folder / "phantoms.json").is_file():
            raise DataError(f"{folder} holds no phantoms to replace; choose a new folder.")
        for name in (*_FOLDERS, _DICOM):
            shutil.rmtree(folder / name, ignore_errors=True)
        for name in ("manifest.csv", "phantoms.json"):
            (folder / name).unlink(missing_ok=True)
    for name in (*_FOLDERS, _DICOM) if dicom else _FOLDERS:
        (folder / name).mkdir(parents=True, exist_ok=True)


def _drawn(films: Sequence[Film], task: _Task, workers: int) -> Iterator[Row]:
    """Yield the manifest's rows in order as the films are written."""
    if workers == 1:
        for film in films:
            yield _write_film(film, task)
        return
    batches = [films[at : at + _BATCH] for at in range(0, len(films), _BATCH)]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(batches)), context) as pool:
        pending = [pool.submit(_write_films, batch, task) for batch in batches]
        try:
            for future in pending:
                yield from future.result()
        except BrokenProcessPool as error:
            raise DataError(
                "Worker processes cannot be started, or died. In a script, put the call below "
                "`if __name__ == '__main__':`, or pass workers=1."
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _write_films(films: Sequence[Film], task: _Task) -> list[Row]:
    return [_write_film(film, task) for film in films]


def _write_film(film: Film, task: _Task) -> Row:
    """Draw one film, write its files, and return its row."""
    phantom, folder = draw_film(film, task.size), task.folder
    if task.dicom:
        from hilum.data.phantom.dicom import write_dicom

        write_dicom(folder / _DICOM / f"{film.name}.dcm", film, phantom)
    file = f"{film.name}.png"
    Image.fromarray(phantom.pixels).save(folder / "images" / file, compress_level=6)
    masks = {"lung_masks": phantom.lung_mask, "lesion_masks": phantom.lesion_mask}
    written = {name: mask for name, mask in masks.items() if mask.any()}
    for name, mask in written.items():
        picture = Image.fromarray(mask.astype(np.uint8) * 255)
        picture.save(folder / name / file, compress_level=6)
    height, width = phantom.pixels.shape
    return {
        "path": f"images/{file}",
        "patient_id": film.patient_id,
        "source": film.hospital,
        "label": film.label,
        "split": film.split,
        "study_id": film.name,
        "view": phantom.view,
        "sex": phantom.sex,
        "age": phantom.age,
        "lung_mask": f"lung_masks/{file}",
        "lesion_mask": f"lesion_masks/{file}" if "lesion_masks" in written else "",
        "severity": film.severity,
        "width": width,
        "height": height,
    }


def _write_tables(folder: Path, rows: Sequence[Row], made: Mapping[str, object]) -> None:
    """Write how the cohort was made, and last of all the manifest."""
    from hilum import __version__

    with replacing(folder / "phantoms.json") as file:
        record = {"hilum": __version__, "images": len(rows), **made}
        file.write((json.dumps(record, indent=2) + "\n").encode())
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    with replacing(folder / "manifest.csv") as file:
        file.write(text.getvalue().encode())
