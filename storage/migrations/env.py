"""Alembic's environment. It only runs on the connection that `storage.migrations` hands it."""

from alembic import context

from storage.tables import metadata

connection = context.config.attributes.get("connection")
if connection is None:
    raise RuntimeError("run migrations with storage.migrations.migrate(url), not with the alembic command")
context.configure(connection=connection, target_metadata=metadata)
context.run_migrations()
