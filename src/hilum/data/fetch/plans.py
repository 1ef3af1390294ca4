"""Where each open data set lies.

A repository's archive is made by its host when it is asked for, so neither its length nor its
checksum can be known beforehand; what arrived is written into the receipt, with the commit. Sets
that need an account or a signature are not here: their cards say what to type.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from hilum.data.fetch.plan import FetchFile, FetchPlan
from hilum.data.sources.source import Card
from hilum.errors import ConfigError

__all__ = ["fetchable", "plan_for"]


@dataclass(frozen=True, slots=True)
class _Repository:
    """A repository on GitHub whose archive is the data set, or a part of it."""

    path: str
    only: tuple[str, ...] = ()
    """Members to take; if any are named, the images lie elsewhere."""


_REPOSITORIES: Mapping[str, _Repository] = {
    "hannover": _Repository("ml-workgroup/covid-19-image-repository"),
    "ieee8023": _Repository("ieee8023/covid-chestxray-dataset"),
    "figure1": _Repository("agchung/Figure1-COVID-chestxray-dataset"),
    "actualmed": _Repository("agchung/Actualmed-COVID-chestxray-dataset"),
    "covidx": _Repository("lindawangg/COVID-Net", only=("labels/*.txt",)),
}

_NIH = "https://nihcc.box.com/shared/static/"
_NIH_ARCHIVES = (
    "vfk49d74nhbxq3nqjg0900w5nvkorp5c.gz",
    "i28rlmbvmfjbl8p2n3ril0pptcmcu9d1.gz",
    "f1t00wrtdk94satdfb9olcolqx20z2jp.gz",
    "0aowwzs5lhjrceb3qp67ahp0rd1l1etg.gz",
    "v5e3goj22zr6h8tzualxfsqlqaygfbsn.gz",
    "asi7ikud9jwnkrnkj99jnpfkjdes7l6l.gz",
    "jn1b4mw4n6lnh74ovmcjb8y48h8xj07n.gz",
    "tvpxmn7qyrgl0w8wfh9kqfjskv6nmm1j.gz",
    "upyy3ml7qdumlgk2rfcvlb9k6gvqq2pj.gz",
    "l6nilvfa9cg3s28tqv1qc1olm3gnz54p.gz",
    "hhq8fkdgvcari67vfhs7ppg2w6ni4jze.gz",
    "ioqwiy20ihqwyr8pf4c24eazhh281pbu.gz",
)
"""The twelve image archives, as the publisher's own batch_download_zips.py lists them."""

_NIH_BY_HAND = (
    (
        "Open https://nihcc.app.box.com/v/ChestXray-NIHCC in a browser and download "
        "Data_Entry_2017_v2020.csv, train_val_list.txt and test_list.txt into DIR/labels."
    ),
    "hilum data build nih --root DIR --out DIR/manifest.csv",
)


def fetchable() -> list[str]:
    """Return the names of the data sets that can be fetched, all or in part."""
    return sorted([*_REPOSITORIES, "nih"])


def plan_for(card: Card, ref: str | None = None) -> FetchPlan | None:
    """Return what can be fetched for a data set, or None if everything needs a login.

    Args:
        card: Of the data set.
        ref: Commit, tag or branch, for sets that are repositories; default the latest commit.

    Raises:
        ConfigError: If a ref is given for a set that is no repository, or cannot be one.
    """
    repository = _REPOSITORIES.get(card.name)
    if ref is not None and repository is None:
        raise ConfigError(f"{card.name} is no repository, so it has no commit {ref!r} to fetch")
    if repository is not None:
        files: tuple[FetchFile, ...] = (_archive(repository, "HEAD" if ref is None else ref),)
        by_hand = _images_by_hand(card, files[0].lands) if repository.only else ()
    elif card.name == "nih":
        files, by_hand = _nih(), _NIH_BY_HAND
    else:
        return None
    partly = bool(repository and repository.only)
    return FetchPlan(
        name=card.name,
        licence=card.licence,
        citation=card.citation,
        home=card.home,
        files=files,
        gigabytes=None if partly else card.gigabytes,
        by_hand=by_hand,
    )


def _images_by_hand(card: Card, folder: str) -> tuple[str, ...]:
    """Return the card's steps without the one that was just done, with the lists where they lie."""
    rest = (step for step in card.steps if not step.startswith("git clone"))
    return tuple(step.replace(f"{folder}/", f"DIR/{folder}/") for step in rest)


def _archive(repository: _Repository, ref: str) -> FetchFile:
    if not re.fullmatch(r"[\w][\w./-]*", ref) or ".." in ref:
        raise ConfigError(f"Expected a commit, tag or branch, got {ref!r}")
    short = repository.path.rpartition("/")[2]
    return FetchFile(
        url=f"https://github.com/{repository.path}/archive/{ref}.tar.gz",
        name=f"{short}.tar.gz",
        folder=short,
        strip=1,
        only=repository.only,
    )


def _nih() -> tuple[FetchFile, ...]:
    return tuple(
        FetchFile(url=_NIH + name, name=f"images_{number:03}.tar.gz", folder=f"images_{number:03}")
        for number, name in enumerate(_NIH_ARCHIVES, 1)
    )
