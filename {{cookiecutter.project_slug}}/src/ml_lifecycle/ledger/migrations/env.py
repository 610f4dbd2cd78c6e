"""What alembic runs for each upgrade: the steps, in the transaction that the ledger holds."""

from alembic import context

# A name of its own, so that MLflow's tables, with their `alembic_version`, may be in one database.
context.configure(
    connection=context.config.attributes["connection"], version_table="ledger_revision"
)
context.run_migrations()
