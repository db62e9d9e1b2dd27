"""What alembic runs to migrate: always on the caller's connection, inside the caller's transaction."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    # SQLite can roll back DDL; alembic assumes that it can't.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
