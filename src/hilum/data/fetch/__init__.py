"""Fetching the data sets that need no login, and checking those that a person fetched.

`plan_for` says what there is to fetch, `fetch` does it, `check_folder` looks at what arrived.
"""

from __future__ import annotations

from hilum.data.fetch.fetch import FetchReport, fetch
from hilum.data.fetch.plan import FetchFile, FetchPlan
from hilum.data.fetch.plans import fetchable, plan_for
from hilum.data.fetch.verify import Arrival, check_folder
from hilum.data.fetch.web import Patience, Web

__all__ = [
    "Arrival",
    "FetchFile",
    "FetchPlan",
    "FetchReport",
    "Patience",
    "Web",
    "check_folder",
    "fetch",
    "fetchable",
    "plan_for",
]
