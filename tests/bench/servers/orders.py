"""What servers that are compared have in common: the user, the limit, the order, the mail, and whom they call."""

from __future__ import annotations

from typing import Any, TypedDict

USER, PASSWORD = "alice", "a-password-of-the-bench"
LIMIT_PER_MINUTE = 100_000_000
GREETING = "Hello there!"
SENDER, RECIPIENT, CC = "sync@example.com", "hello@example.com", "hello.cc@example.com"


class Places(TypedDict):
    """Whom the flows call: the data source and Dropbox by URL, with a token; the mail server; Redis by URL."""

    source: str
    dropbox: str
    token: str
    smtp_host: str
    smtp_port: int
    redis: str


def total(order: Any) -> dict[str, Any]:
    """The answer to an order."""
    return {"id": order.id, "total": sum(each.quantity * each.price for each in order.items)}
