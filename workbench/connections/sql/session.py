"""SQLAlchemy's session, which takes a statement as plain text, too, as SQLAlchemy 1 did."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session


def _read(statement: Any) -> Any:
    return text(statement) if isinstance(statement, str) else statement


class PlainSession(Session):
    """A session in which `execute("SELECT ... WHERE id = :id", {"id": 1})` needs no `text()` around it.

    Rows are those of SQLAlchemy 2: `row.id`, `row[0]`, and `row._mapping["id"]` where Zato has `row["id"]`.
    """

    def execute(self, statement: Any, params: Any = None, **more: Any) -> Any:
        """Execute a statement; values are named in it, as `:id`."""
        return super().execute(_read(statement), params, **more)

    def scalar(self, statement: Any, params: Any = None, **more: Any) -> Any:
        """The first value of the first row."""
        return super().scalar(_read(statement), params, **more)

    def scalars(self, statement: Any, params: Any = None, **more: Any) -> Any:
        """The first value of each row."""
        return super().scalars(_read(statement), params, **more)
