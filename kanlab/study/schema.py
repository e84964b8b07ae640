"""kanlab's own tables, beside Optuna's in the same database: who runs a study, and the data of studies."""

from __future__ import annotations

import sqlalchemy
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, String, Table
from sqlalchemy.schema import CreateIndex, CreateTable

_metadata = MetaData()

# one row a study that somebody runs; `beat` counts up as long as they do
LEASES = Table(
    "kanlab_lease",
    _metadata,
    Column("study_id", Integer, primary_key=True, autoincrement=False),
    Column("owner", String(300), nullable=False),
    Column("beat", BigInteger, nullable=False),
)

# data sets, where no artifact store was chosen
BLOBS = Table(
    "kanlab_blob",
    _metadata,
    Column("id", String(64), primary_key=True),
    Column("content", LargeBinary(2**30), nullable=False),
)


def create(database: sqlalchemy.Engine) -> None:
    """Make the tables that are missing; several processes may do so at the same moment."""
    for table in _metadata.sorted_tables:
        for last in (False, True):
            try:
                with database.begin() as connection:
                    connection.execute(CreateTable(table, if_not_exists=True))
                    for index in table.indexes:
                        connection.execute(CreateIndex(index, if_not_exists=True))
                break
            except (sqlalchemy.exc.IntegrityError, sqlalchemy.exc.ProgrammingError):
                if last:  # PostgreSQL checks and makes in two steps
                    raise
