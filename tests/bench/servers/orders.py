"""What the servers of the bench `hello` have in common: the user, the limit, and the reckoning of an order."""

from __future__ import annotations

from typing import Any

USER, PASSWORD = "alice", "a-password-of-the-bench"
LIMIT_PER_MINUTE = 100_000_000
GREETING = "Hello there!"


def total(order: Any) -> dict[str, Any]:
    """The answer to an order."""
    return {"id": order.id, "total": sum(each.quantity * each.price for each in order.items)}
