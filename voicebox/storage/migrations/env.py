"""Alembic's entry: runs the migrations on the connection that `migrate` hands over, within its transaction."""

from alembic import context

from voicebox.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a table by copying it
    transactional_ddl=False,  # the transaction is `migrate`'s: it also holds the lock
)
context.run_migrations()
