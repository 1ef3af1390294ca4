"""The schema: every table, and why it is there.

Rows that record what happened (answers, opinions, audit entries) are only ever added. Every table
is ordered by `seq`, which the database counts up, because clocks jump; times are UTC and are for
people. What the outside world sees is `id`, which cannot be guessed or counted.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

__all__ = [
    "answers",
    "attempts",
    "audit",
    "deliveries",
    "films",
    "jobs",
    "metadata",
    "objects",
    "opinions",
    "probabilities",
    "received",
    "requests",
    "sessions",
    "tokens",
    "users",
]

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Moment(TypeDecorator[datetime]):
    """A moment in UTC, with its zone in Python and without in a database that has none."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Refuse a moment without a zone; it would be read as some other hour."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a moment needs a time zone; got none")
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return the moment in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


_Seq = BigInteger().with_variant(Integer, "sqlite")
_ID = String(32)
_HASH = String(64)


def _seq() -> Column[int]:
    return Column("seq", _Seq, primary_key=True, autoincrement=True)


def _id() -> Column[str]:
    return Column("id", _ID, nullable=False, unique=True)


def _counted(name: str, *columns: Any) -> Table:
    """Return a table whose numbers are never given twice, whatever is deleted."""
    return Table(name, metadata, _seq(), *columns, sqlite_autoincrement=True)


films = _counted(
    "films",
    _id(),
    Column("sha256", _HASH, nullable=False, unique=True),
    Column("bytes", BigInteger, nullable=False),
    Column("format", String(16), nullable=False),  # png, jpeg, webp or dicom, by its first bytes
    Column("name", Text, nullable=False),  # as the sender called it: text to show, never a path
    Column("source", String(16), nullable=False),  # page, api or dicom
    Column("sent_by", String(128), nullable=False),
    Column("received_at", Moment, nullable=False),
    # What a DICOM header says. Claims of the sender: shown, searched, never trusted.
    Column("sop_uid", String(128)),
    Column("study_uid", String(128)),
    Column("series_uid", String(128)),
    Column("patient_id", Text),
    Column("patient_name", Text),
    Column("accession", Text),
    Column("study_date", String(16)),
    Column("view", String(32)),
    Column("facts", JSON),  # size in pixels, depth, spacing and warnings, as the reader found them
    Column("conflict_with", _ID),  # an earlier film with this UID and other pixels
    Column("removed_at", Moment),  # by retention: the bytes are gone, the record stays
    Index(None, "sop_uid"),
    Index(None, "study_uid"),
    Index(None, "patient_id"),
)

jobs = _counted(
    "jobs",
    _id(),
    Column("film", _ID, ForeignKey("films.id"), nullable=False),
    Column("bundle", _HASH, nullable=False),
    Column("variant", _HASH, nullable=False),  # "" for the whole film, else hash of the struck-out
    Column("struck", JSON, nullable=False),  # regions [[top, left, height, width] of 0 to 1, ...]
    Column("asked_by", String(128), nullable=False),
    Column("state", String(12), nullable=False),  # queued, done, failed
    Column("owner", _ID, nullable=False),  # the process that does it, as long as it lives
    Column("deaths", Integer, nullable=False, default=0),  # workers it has taken with it
    Column("error", Text),
    Column("created_at", Moment, nullable=False),
    Column("finished_at", Moment),
    UniqueConstraint("film", "bundle", "variant"),
    Index(None, "state", "owner"),
)

answers = _counted(
    "answers",
    _id(),
    Column("film", _ID, ForeignKey("films.id"), nullable=False, index=True),
    Column("job", _ID, ForeignKey("jobs.id"), nullable=False, unique=True),
    Column("bundle", _HASH, nullable=False),
    Column("bundle_name", Text, nullable=False),
    Column("variant", _HASH, nullable=False),
    Column("accepted", Boolean, nullable=False),
    Column("decision", Text),
    Column("answer", JSON, nullable=False),  # Screening.to_dict()
    Column("cams", LargeBinary),  # float32, classes x h x w
    Column("cams_shape", JSON),
    Column("region", JSON),  # what the network saw, [top, left, height, width] of 0 to 1
    Column("created_at", Moment, nullable=False),
)

probabilities = Table(
    "probabilities",
    metadata,
    Column("answer", _ID, ForeignKey("answers.id"), primary_key=True),
    Column("class_name", String(128), primary_key=True),
    Column("probability", Float(53), nullable=False),
    Index(None, "class_name", "probability"),
)

opinions = _counted(
    "opinions",
    _id(),
    Column("film", _ID, ForeignKey("films.id"), nullable=False, index=True),
    Column("answer", _ID, ForeignKey("answers.id")),
    Column("bundle", _HASH, nullable=False),
    Column("reader", String(128), nullable=False),
    Column("place", Integer, nullable=False),  # 1 for a first reader, 2 for a second, blinded one
    Column("verdict", String(16), nullable=False),  # agree, disagree, other, unreadable
    Column("label", Text),  # the class the reader gives it, one of the bundle's
    Column("finding", Text),  # another finding, in the reader's words
    Column("quality", String(16)),  # good, limited, unreadable
    Column("comment", Text),
    Column("pretest", JSON),  # what the reader knew before, and what came of it
    Column("at", Moment, nullable=False),
)

users = _counted(
    "users",
    _id(),
    Column("name", String(128), nullable=False, unique=True),  # case-folded
    Column("shown_name", Text, nullable=False),
    Column("role", String(16), nullable=False),  # reader, second_reader, admin
    Column("password", Text),  # argon2id; none for those who come through OIDC
    Column("subject", Text, unique=True),  # issuer and subject of OIDC
    Column("created_at", Moment, nullable=False),
    Column("disabled_at", Moment),
)

sessions = _counted(
    "sessions",
    Column("hash", _HASH, nullable=False, unique=True),  # of what the cookie holds
    Column("user", _ID, ForeignKey("users.id"), nullable=False, index=True),
    Column("csrf", String(64), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
)

tokens = _counted(
    "tokens",
    _id(),
    Column("name", String(128), nullable=False),
    Column("hash", _HASH, nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("created_by", String(128), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment),
    Column("revoked_at", Moment),
    Column("seen_at", Moment),
)

attempts = Table(  # failed logins, by name and by address
    "attempts",
    metadata,
    Column("key", String(256), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", Moment, nullable=False),
    Column("locked_until", Moment),
)

requests = Table(  # what was answered to an idempotency key
    "requests",
    metadata,
    Column("who", String(128), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("digest", _HASH, nullable=False),
    Column("film", _ID, nullable=False),
    Column("at", Moment, nullable=False),
)

received = _counted(  # every object a DICOM peer was told we hold, films and others
    "received",
    _id(),
    Column("sop_uid", String(128), nullable=False, index=True),
    Column("sop_class", String(128), nullable=False),
    Column("study_uid", String(128)),
    Column("sha256", _HASH, nullable=False),  # of the data set, without the file's own head
    Column("blob", _HASH, nullable=False),  # of the file; of a conflict no file is kept
    Column("kind", String(16), nullable=False),  # film, aside, own
    Column("film", _ID),
    Column("calling", String(16), nullable=False),
    Column("address", String(64), nullable=False),
    Column("conflict", Boolean, nullable=False),
    Column("at", Moment, nullable=False),
    UniqueConstraint("sop_uid", "sha256"),
)

objects = Table(  # files that are not films: kept aside, or results to send
    "objects",
    metadata,
    Column("sha256", _HASH, primary_key=True),
    Column("kind", String(16), nullable=False),  # aside, own, result
    Column("at", Moment, nullable=False),
    Index(None, "at"),
)

deliveries = _counted(
    "deliveries",
    _id(),
    Column("film", _ID, ForeignKey("films.id"), nullable=False, index=True),
    Column("answer", _ID, ForeignKey("answers.id"), nullable=False),
    Column("destination", Text, nullable=False),
    Column("files", JSON, nullable=False),  # sha256 of each object
    Column("state", String(12), nullable=False),  # waiting, sent, dead
    Column("tries", Integer, nullable=False, default=0),
    Column("next_try", Moment, nullable=False),
    Column("problem", Text),
    Column("created_at", Moment, nullable=False),
    Column("finished_at", Moment),
    UniqueConstraint("answer", "destination"),
    Index(None, "state", "next_try"),
)

audit = _counted(
    "audit",
    Column("at", Moment, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("action", String(64), nullable=False),
    Column("object", Text, nullable=False),
    Column("bundle", _HASH),
    Column("detail", Text, nullable=False),  # JSON in one spelling: keys sorted, no spaces
    Column("previous", _HASH, nullable=False),
    Column("hash", _HASH, nullable=False, unique=True),
)
