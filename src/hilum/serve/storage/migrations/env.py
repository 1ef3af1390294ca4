"""Run migrations on the connection that `Database.upgrade` hands over."""

from __future__ import annotations

from alembic import context

from hilum.serve.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
