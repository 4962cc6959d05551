"""What the verbs of a workbench answer: values whose text is one quiet, stable line."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.channels.rest import RESTChannel
from workbench.core.definition import Definition


class Defined:
    """The outcome of `wb.define`: what is new or changed, what was so already, and what waits for the cell's end."""

    def __init__(self, outcomes: Sequence[tuple[Definition, str]], sandboxed: bool = False) -> None:
        self.outcomes, self.sandboxed = list(outcomes), sandboxed

    def of(self, *words: str) -> list[Definition]:
        """The definitions with these outcomes: `defined`, `changed`, `unchanged`, `waiting`."""
        return [definition for definition, outcome in self.outcomes if outcome in words]

    def waiting(self) -> list[RESTChannel]:
        """Channels that open with the cell that runs."""
        return [each for each in self.of("waiting") if isinstance(each, RESTChannel)]

    def lines(self) -> list[str]:
        """One line for all that is plain, one for each open address, one for what was so already."""
        now = self.of("defined", "changed", "waiting")
        named = [str(each) for each in now if not isinstance(each, RESTChannel)]
        said = [f"Defined: {', '.join(named)}."] if named else []
        said += [opened(each) for each in self.of("defined", "changed") if isinstance(each, RESTChannel)]
        said += [f"{each} opens at {each.path} when this cell has ended well." for each in self.waiting()]
        if same := self.of("unchanged"):
            said.append(f"Unchanged: {', '.join(map(str, same))}.")
        return said

    def __repr__(self) -> str:
        return "\n".join(self.lines())


def opened(channel: RESTChannel) -> str:
    """What opening a channel means for those outside."""
    verbs = f" for {' '.join(channel.methods)}" if channel.methods else ""
    if not channel.active:
        return f"{channel} at {channel.path} is defined, not active."
    who = (
        f"Only {channel.security!r} may call it."
        if channel.security
        else ("No security: anyone on this machine may call it.")
    )
    return f"{channel} is open at {channel.path}{verbs}. {who}"
