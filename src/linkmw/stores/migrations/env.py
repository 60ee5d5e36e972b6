"""How Alembic runs our migrations: in the transaction it was handed, never by a connection of its own."""

from __future__ import annotations

from alembic import context

from linkmw.stores.sql import schema

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=schema.metadata,
    # SQLite changes a column by copying its table.
    render_as_batch=True,
)
context.run_migrations()
