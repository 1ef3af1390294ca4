"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "attempts",
        sa.Column("key", sa.String(length=256), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", MOMENT, nullable=False),
        sa.Column("locked_until", MOMENT),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_attempts")),
    )
    op.create_table(
        "audit",
        sa.Column("seq", SEQ, autoincrement=True, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("bundle", sa.String(length=64)),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit")),
        sa.UniqueConstraint("hash", name=op.f("uq_audit_hash")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "films",
        sa.Column("seq", SEQ, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("format", sa.String(length=16), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("sent_by", sa.String(length=128), nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("sop_uid", sa.String(length=128)),
        sa.Column("study_uid", sa.String(length=128)),
        sa.Column("series_uid", sa.String(length=128)),
        sa.Column("patient_id", sa.Text()),
        sa.Column("patient_name", sa.Text()),
        sa.Column("accession", sa.Text()),
        sa.Column("study_date", sa.String(length=16)),
        sa.Column("view", sa.String(length=32)),
        sa.Column("facts", sa.JSON()),
        sa.Column("conflict_with", sa.String(length=32)),
        sa.Column("removed_at", MOMENT),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_films")),
        sa.UniqueConstraint("id", name=op.f("uq_films_id")),
        sa.UniqueConstraint("sha256", name=op.f("uq_films_sha256")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_films_patient_id"), "films", ["patient_id"], unique=False)
    op.create_index(op.f("ix_films_sop_uid"), "films", ["sop_uid"], unique=False)
    op.create_index(op.f("ix_films_study_uid"), "films", ["study_uid"], unique=False)
    op.create_table(
        "objects",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_objects")),
    )
    op.create_index(op.f("ix_objects_at"), "objects", ["at"], unique=False)
    op.create_table(
        "received",
        sa.Column("seq", SEQ, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("sop_uid", sa.String(length=128), nullable=False),
        sa.Column("sop_class", sa.String(length=128), nullable=False),
        sa.Column("study_uid", sa.String(length=128)),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("blob", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("film", sa.String(length=32)),
        sa.Column("calling", sa.String(length=16), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("conflict", sa.Boolean(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_received")),
        sa.UniqueConstraint("id", name=op.f("uq_received_id")),
        sa.UniqueConstraint("sop_uid", "sha256", name=op.f("uq_received_sop_uid_sha256")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_received_sop_uid"), "received", ["sop_uid"], unique=False)
    op.create_table(
        "requests",
        sa.Column("who", sa.String(length=128), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("film", sa.String(length=32), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("who", "key", name=op.f("pk_requests")),
    )
    op.create_table(
        "tokens",
        sa.Column("seq", SEQ, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("created_by", sa.String(length=128), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT),
        sa.Column("revoked_at", MOMENT),
        sa.Column("seen_at", MOMENT),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_tokens")),
        sa.UniqueConstraint("hash", name=op.f("uq_tokens_hash")),
        sa.UniqueConstraint("id", name=op.f("uq_tokens_id")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "users",
        sa.Column("seq", SEQ, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("shown_name", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("password", sa.Text()),
        sa.Column("subject", sa.Text()),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("disabled_at", MOMENT),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_users")),
        sa.UniqueConstraint("id", name=op.f("uq_users_id")),
        sa.UniqueConstraint("name", name=op.f("uq_users_name")),
        sa.UniqueConstraint("subject", name=op.f("uq_users_subject")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "jobs",
        sa.Column("seq", SEQ, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("film", sa.String(length=32), nullable=False),
        sa.Column("bundle", sa.String(length=64), nullable=False),
        sa.Column("variant", sa.String(length=64), nullable=False),
        sa.Column("struck", sa.JSON(), nullable=False),
        sa.Column("asked_by", sa.String(length=128), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("owner", sa.String(length=32), nullable=False),
        sa.Column("deaths", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text()),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT),
        sa.ForeignKeyConstraint(["film"], ["films.id"], name=op.f("fk_jobs_film_films")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_jobs")),
        sa.UniqueConstraint("film", "bundle", "variant", name=op.f("uq_jobs_film_bundle_variant")),
        sa.UniqueConstraint("id", name=op.f("uq_jobs_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_jobs_state_owner"), "jobs", ["state", "owner"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("seq", SEQ, autoincrement=True, nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("user", sa.String(length=32), nullable=False),
        sa.Column("csrf", sa.String(length=64), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["user"], ["users.id"], name=op.f("fk_sessions_user_users")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_sessions")),
        sa.UniqueConstraint("hash", name=op.f("uq_sessions_hash")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_sessions_user"), "sessions", ["user"], unique=False)
    op.create_table(
        "answers",
        sa.Column("seq", SEQ, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("film", sa.String(length=32), nullable=False),
        sa.Column("job", sa.String(length=32), nullable=False),
        sa.Column("bundle", sa.String(length=64), nullable=False),
        sa.Column("bundle_name", sa.Text(), nullable=False),
        sa.Column("variant", sa.String(length=64), nullable=False),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column("decision", sa.Text()),
        sa.Column("answer", sa.JSON(), nullable=False),
        sa.Column("cams", sa.LargeBinary()),
        sa.Column("cams_shape", sa.JSON()),
        sa.Column("region", sa.JSON()),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["film"], ["films.id"], name=op.f("fk_answers_film_films")),
        sa.ForeignKeyConstraint(["job"], ["jobs.id"], name=op.f("fk_answers_job_jobs")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_answers")),
        sa.UniqueConstraint("id", name=op.f("uq_answers_id")),
        sa.UniqueConstraint("job", name=op.f("uq_answers_job")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_answers_film"), "answers", ["film"], unique=False)
    op.create_table(
        "deliveries",
        sa.Column("seq", SEQ, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("film", sa.String(length=32), nullable=False),
        sa.Column("answer", sa.String(length=32), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try", MOMENT, nullable=False),
        sa.Column("problem", sa.Text()),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT),
        sa.ForeignKeyConstraint(
            ["answer"], ["answers.id"], name=op.f("fk_deliveries_answer_answers")
        ),
        sa.ForeignKeyConstraint(["film"], ["films.id"], name=op.f("fk_deliveries_film_films")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("answer", "destination", name=op.f("uq_deliveries_answer_destination")),
        sa.UniqueConstraint("id", name=op.f("uq_deliveries_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_deliveries_film"), "deliveries", ["film"], unique=False)
    op.create_index(
        op.f("ix_deliveries_state_next_try"), "deliveries", ["state", "next_try"], unique=False
    )
    op.create_table(
        "opinions",
        sa.Column("seq", SEQ, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("film", sa.String(length=32), nullable=False),
        sa.Column("answer", sa.String(length=32)),
        sa.Column("bundle", sa.String(length=64), nullable=False),
        sa.Column("reader", sa.String(length=128), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("label", sa.Text()),
        sa.Column("finding", sa.Text()),
        sa.Column("quality", sa.String(length=16)),
        sa.Column("comment", sa.Text()),
        sa.Column("pretest", sa.JSON()),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["answer"], ["answers.id"], name=op.f("fk_opinions_answer_answers")
        ),
        sa.ForeignKeyConstraint(["film"], ["films.id"], name=op.f("fk_opinions_film_films")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_opinions")),
        sa.UniqueConstraint("id", name=op.f("uq_opinions_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_opinions_film"), "opinions", ["film"], unique=False)
    op.create_table(
        "probabilities",
        sa.Column("answer", sa.String(length=32), nullable=False),
        sa.Column("class_name", sa.String(length=128), nullable=False),
        sa.Column("probability", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(
            ["answer"], ["answers.id"], name=op.f("fk_probabilities_answer_answers")
        ),
        sa.PrimaryKeyConstraint("answer", "class_name", name=op.f("pk_probabilities")),
    )
    op.create_index(
        op.f("ix_probabilities_class_name_probability"),
        "probabilities",
        ["class_name", "probability"],
        unique=False,
    )
