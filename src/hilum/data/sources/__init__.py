"""The public data sets, one file each, and generic layouts for one's own.

`build` turns what was downloaded into a manifest and a reconciliation; `sources` names every data
set there is.
"""

from __future__ import annotations

from hilum.data.sources import (  # noqa: F401 - each registers itself
    actualmed,
    covidx,
    detl,
    dicom_tree,
    figure1,
    folders,
    hannover,
    ieee8023,
    nih,
    radiography,
    ricord,
    rsna,
    table,
)
from hilum.data.sources.build import Built, build, write_build
from hilum.data.sources.reconcile import Reconciliation, SourceCount
from hilum.data.sources.source import Card, LeftOut, Listing, Request, Source, sources

__all__ = [
    "Built",
    "Card",
    "LeftOut",
    "Listing",
    "Reconciliation",
    "Request",
    "Source",
    "SourceCount",
    "build",
    "sources",
    "write_build",
]
