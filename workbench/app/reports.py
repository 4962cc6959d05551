"""What the verbs of a workbench answer: values whose text is one quiet, stable line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workbench.channels.definition import ChannelDefinition
from workbench.connections.kvdb.live import Kvdb
from workbench.core.definition import Definition
from workbench.sandbox.catalog import Sandbox


class Defined:
    """The outcome of `wb.define`: what is new or changed, what was so already, and what waits for the cell's end."""

    def __init__(
        self, outcomes: Sequence[tuple[Definition, str]], played: Sequence[str] = (), said: Sequence[str] = ()
    ) -> None:
        self.outcomes, self.played, self.said = list(outcomes), sorted(played), list(said)

    def of(self, *words: str) -> list[Definition]:
        """The definitions with these outcomes: `defined`, `changed`, `unchanged`, `waiting`."""
        return [definition for definition, outcome in self.outcomes if outcome in words]

    def settled(self) -> Defined | None:
        """This report without what waits for the cell's end, which is said there; None if nothing is left."""
        left = [pair for pair in self.outcomes if pair[1] != "waiting"]
        return Defined(left, self.played, self.said) if left or self.said else None

    def lines(self) -> list[str]:
        """One line for all that is plain, one for each open address, one for what was so already."""
        now = self.of("defined", "changed", "waiting")
        named = [str(each) for each in now if not isinstance(each, ChannelDefinition)]
        said = [f"Defined: {', '.join(named)}."] if named else []
        said += [opened(each) for each in self.of("defined", "changed") if isinstance(each, ChannelDefinition)]
        if waiting := self.of("waiting"):
            said.append(f"Opens with this cell: {', '.join(map(str, waiting))}.")
        if same := self.of("unchanged"):
            said.append(f"Unchanged: {', '.join(map(str, same))}.")
        return said + self.said + made_up(self.played)

    def __repr__(self) -> str:
        return "\n".join(self.lines())


def opened(channel: ChannelDefinition) -> str:
    """What opening a channel means for those outside."""
    verbs = f" for {' '.join(channel.methods)}" if channel.methods else ""
    at = f" at {channel.address}" if channel.address else ""
    if not channel.active:
        return f"{channel}{at} is defined, not active."
    who = f"Only {channel.security!r} may call it." if channel.security else f"No security: {channel.open_to}."
    return f"{channel} is open{at}{verbs}. {who}"


class Sandboxed:
    """The outcome of `wb.sandbox()`: what stands in for each connection, and whether it answers."""

    head = ("connection", "stands in", "ping")

    def __init__(self, sandbox: Sandbox, played: Mapping[str, str], kvdb: Kvdb | None = None) -> None:
        self.on, self.fixed = sandbox.on, sandbox.fixed
        if self.on:
            sandbox.start_all()
        self.rows = [tuple(str(row[column]) for column in self.head) for row in sandbox.rows()] if self.on else []
        if kvdb is not None:
            self.rows.append(("Redis", "embedded server", "ok" if kvdb.ping() else "no answer"))
        self.played = sorted(played)

    def lines(self) -> list[str]:
        """A table, then the secrets that were made up."""
        if not self.on:
            why = ", as WORKBENCH_SANDBOX=0 or --no-sandbox says" if self.fixed is False else ""
            return [f"Sandbox off: connections go to their real addresses{why}."]
        said = (
            table_lines(self.head, self.rows) if self.rows else ["Sandbox on: connections go to peers in this process."]
        )
        return said + made_up(self.played)

    def __repr__(self) -> str:
        return "\n".join(self.lines())


def made_up(secrets: Sequence[str]) -> list[str]:
    """What is said of secrets that a sandbox plays."""
    if not secrets:
        return []
    return [f"Nobody set {' and '.join(secrets)}; in the sandbox a random value stands in."]


def table_lines(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table in plain text, columns aligned."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    return [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in (head, *rows)
    ]
