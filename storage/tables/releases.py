"""Which versions answer, and every change of that."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from storage.tables.metadata import metadata

releases = Table(
    "releases",
    metadata,
    Column("model", Text, primary_key=True),
    Column("champion", Text, nullable=False, comment="tag in the model store"),
    Column(
        "challengers", JSONB, nullable=False, server_default=text("'[]'::jsonb"), comment="[{version, mode, percent}]"
    ),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("updated_by", Text, nullable=False),
    Column("reason", Text, nullable=False, server_default=text("''")),
    comment="which versions of a model answer; one row per model",
)

release_history = Table(
    "release_history",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("model", Text, nullable=False),
    Column("before", JSONB(none_as_null=True), comment="{champion, challengers}; null for the first release"),
    Column("after", JSONB, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("by_whom", Text, nullable=False),
    Column("reason", Text, nullable=False, server_default=text("''")),
    Index(None, "model", "id"),
    comment="every change of a release, oldest first; rows are only added",
)
