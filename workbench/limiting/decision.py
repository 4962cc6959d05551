"""What a limit said about one call."""

from __future__ import annotations

from datetime import UTC, datetime


class Decision:
    """The outcome of one check. Allowed decisions are one shared object, which says nothing about the caller.

    `denied` is `""`, `"limit"` (429), `"address"` (403: on no line of an allow-list) or `"store"` (503: the shared
    counter is down). Under `shadow`, and where a store that is down lets calls through, a call is allowed and `denied`
    says what would have become of it: write its log line.
    """

    __slots__ = (
        "address",
        "allowed",
        "cid",
        "denied",
        "headers",
        "last_at",
        "last_cid",
        "last_from",
        "limit",
        "name",
        "network",
        "on",
    )
    kind = "limit"

    def __init__(self, on: str, name: str, *, limit: str = "*", network: str = "*", denied: str = "") -> None:
        self.on, self.name, self.limit, self.network = on, name, limit, network
        self.denied, self.allowed = denied, not denied
        self.address = self.cid = self.last_from = self.last_cid = ""
        self.last_at: float | None = None
        self.headers: tuple[tuple[str, str], ...] = ()

    @property
    def definition(self) -> str:
        """The object whose limit spoke."""
        return f"{self.on} {self.name}"

    def describe(self) -> str:
        """The object, the line and the outcome, for the trace."""
        if self.denied == "address":
            return f"{self.definition}: no line is for this address{self._watched()}"
        if self.denied == "store":
            return (
                f"{self.definition}: {self.limit} for {self.network} not counted, the counter is down{self._watched()}"
            )
        if self.limit == "*":
            return f"{self.definition}: no limit for {self.network}"
        outcome = "reached" if self.denied else "kept"
        return f"{self.definition}: {self.limit} for {self.network} {outcome}{self._watched()}"

    def _watched(self) -> str:
        if not (self.denied and self.allowed):
            return ""
        return " (let through)" if self.denied == "store" else " (shadow: let through)"

    def log_line(self) -> str:
        """The line for the log of the author: what the caller never learns, found again by the CID.

        Source: the fields and their order are Zato's.
        """
        if self.denied == "address":
            what = "Address not allowed; "
        elif self.denied == "store":
            what = f"Max. rate limit of {self.limit} not checked: the shared counter is down; "
        else:
            what = f"Max. rate limit of {self.limit} reached; "
        at = "" if self.last_at is None else datetime.fromtimestamp(self.last_at, UTC).replace(tzinfo=None).isoformat()
        return (
            f"{what}from:`{self.address}`, network:`{self.network}`; last_from:`{self.last_from}`; "
            f"last_request_time_utc:`{at}`; last_cid:`{self.last_cid}`; (cid:{self.cid}) (def:{self.definition})"
            f"{self._watched()}"
        )

    def __repr__(self) -> str:
        return f"<{self.describe()}>"
