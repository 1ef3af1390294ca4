"""What the interface answers with, and takes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from hilum.serve.storage.opinions import Verdict
from hilum.serve.storage.worklist import State

__all__ = [
    "AnswerShape",
    "BayesShape",
    "FilmShape",
    "JobShape",
    "ListShape",
    "OpinionGiven",
    "OpinionShape",
    "Problem",
    "RegionsGiven",
    "UploadShape",
    "WorkShape",
]

NOTICE = "Research use only"

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
RegionShape = tuple[Share, Share, Share, Share]
"""(top, left, height, width), as shares of the film's height and width."""


class Shape(BaseModel):
    """What all of them have in common."""

    model_config = ConfigDict(from_attributes=True, extra="forbid")


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    problems: list[str] = []


class JobShape(Shape):
    """How far a film is."""

    id: str
    state: Literal["queued", "done", "failed"]
    error: str | None


class AnswerShape(Shape):
    """What a bundle said of a film. For research use only."""

    id: str
    film: str
    bundle: str
    bundle_name: str
    accepted: bool = Field(description="Whether the gate took it for a frontal chest radiograph.")
    reasons: list[str] = Field(description="Why it did not.")
    warnings: list[str]
    probabilities: dict[str, float] | None
    calibrated: bool
    decision: str | None
    threshold: dict[str, Any]
    struck: list[RegionShape] = Field(description="Regions the network did not see.")
    region: list[float] | None = Field(description="What it saw, as shares of height and width.")
    maps: dict[str, list[list[float]]] | None = Field(
        description="Evidence for each class, rows of cells over `region`, in logits a cell."
    )
    created_at: datetime
    notice: str = NOTICE


class FilmShape(Shape):
    """A film that is kept, and what was said of it."""

    id: str
    sha256: str
    bytes: int
    format: str
    name: str
    source: str
    received_at: datetime
    removed_at: datetime | None
    conflict_with: str | None
    patient_id: str | None
    patient_name: str | None
    study_uid: str | None
    study_date: str | None
    view: str | None
    facts: dict[str, Any] | None
    jobs: list[JobShape]
    answers: list[AnswerShape]
    notice: str = NOTICE


class UploadShape(Shape):
    """A film that was taken in."""

    film: str
    job: JobShape
    new: bool = Field(description="False if these bytes were here already.")
    answer: AnswerShape | None = Field(description="If it was waited for, and came.")
    notice: str = NOTICE


class WorkShape(Shape):
    """A film of the worklist."""

    film: str
    name: str
    patient_id: str | None
    patient_name: str | None
    study_date: str | None
    view: str | None
    source: str
    received_at: datetime
    state: State
    problem: str | None
    answer: str | None
    decision: str | None
    probability: float | None
    mine: bool
    conflict: bool


class ListShape(Shape):
    """Films in the order asked for."""

    label: str = Field(description="The class whose probability is shown.")
    entries: list[WorkShape]
    total: int
    counts: dict[str, int]
    notice: str = NOTICE


class RegionsGiven(BaseModel):
    """Regions to strike out."""

    model_config = ConfigDict(extra="forbid")
    regions: Annotated[list[RegionShape], Field(min_length=1, max_length=20)]


class OpinionGiven(BaseModel):
    """What a reader says of a film."""

    model_config = ConfigDict(extra="forbid")
    verdict: Verdict
    answer: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] | None = None
    label: Annotated[str, Field(max_length=128)] | None = None
    finding: Annotated[str, Field(max_length=2000)] | None = None
    quality: Literal["good", "limited", "unreadable"] | None = None
    comment: Annotated[str, Field(max_length=10_000)] | None = None
    pretest: (
        Annotated[dict[Annotated[str, Field(max_length=128)], Share], Field(max_length=100)] | None
    ) = None


class OpinionShape(Shape):
    """What a reader said of a film."""

    id: str
    film: str
    reader: str
    place: int
    verdict: str
    bundle: str
    answer: str | None
    label: str | None
    finding: str | None
    quality: str | None
    comment: str | None
    pretest: dict[str, Any] | None
    at: datetime


class BayesShape(Shape):
    """An answer for another pre-test probability, with the working."""

    label: str
    pretest: float
    prevalence: float = Field(description="Share of the class among the films of calibration.")
    probability: float = Field(description="What the bundle said.")
    likelihood_ratio: float
    posttest: float
    working: list[str]
    notice: str = NOTICE
