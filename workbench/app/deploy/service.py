"""`wb.services["name"]`: what is live under that name, its versions, and how a new one answers."""

from __future__ import annotations

from collections.abc import Callable
from inspect import cleandoc
from typing import Any, Protocol

from workbench.app.rehearsal.versions import NewVersions, VersionsCompared
from workbench.core.ports import Showable
from workbench.runtime.registry import Registry, Version, unknown_service


class Takes(Protocol):
    """Has new versions wait, and takes them."""

    new_versions: NewVersions

    def take(self, name: str) -> None:
        """Make the version live that waits."""
        ...

    def keep(self, name: str) -> None:
        """Forget the version that waits."""
        ...


class LiveService(Showable):
    """`wb.services["name"]`: what is live under that name, its source, and the way back."""

    def __init__(
        self,
        name: str,
        registry: Registry,
        changed: Callable[[str], None],
        invoke: Callable[..., Any],
        drafting: Takes,
    ) -> None:
        self.name, self._registry, self._changed, self._invoke = name, registry, changed, invoke
        self._drafting = drafting

    @property
    def live(self) -> Version:
        """The version that answers now."""
        return self._registry.get(self.name)

    @property
    def since(self) -> float:
        """When the live version became live [s since the epoch]."""
        return self._registry.since[self.name]

    @property
    def versions(self) -> list[Version]:
        """Every kept version, oldest first."""
        if self.name not in self._registry.history:
            raise unknown_service(self.name, self._registry.services)
        return list(self._registry.history[self.name])

    @property
    def source(self) -> str:
        """The text of the live class."""
        return self.live.source

    @property
    def doc(self) -> str:
        """The class's docstring."""
        return cleandoc(self.live.cls.__doc__ or "")

    @property
    def before(self) -> int:
        """The number of the version that `rollback` brings back; 0 if there is none."""
        return self._registry.before(self.name)

    def rollback(self) -> RolledBack:
        """Bring back what was live before; the outcome names the helpers that have changed since."""
        was = self.live
        now = self._registry.rollback(self.name)
        self._changed(self.name)
        return RolledBack(was, now)

    def make_live(self, number: int) -> RolledBack:
        """Make the version of that number live, an earlier or a later one of `versions`.

        Raises:
            DeployRefused: No version of that number is kept.
        """
        was = self.live
        now = self._registry.make_live(self.name, number)
        self._changed(self.name)
        return RolledBack(was, now)

    @property
    def new_version(self) -> str:
        """What becomes of a new version that answers recorded calls otherwise: `off`, `warn` or `gate`.

        Setting it, to '' for what the class says, holds until this process ends or the class says another.
        """
        return self._drafting.new_versions.mode(self.name)

    @new_version.setter
    def new_version(self, mode: str) -> None:
        self._drafting.new_versions.choose(self.name, mode)

    @property
    def compared(self) -> VersionsCompared | None:
        """How its newest version answers the recorded calls; None where nothing was compared."""
        return self._drafting.new_versions.compared.get(self.name)

    def take(self) -> None:
        """Make the version live that waits; raises DeployRefused if none does."""
        self._drafting.take(self.name)

    def keep(self) -> None:
        """Keep what is live and forget the version that waits; raises DeployRefused if none does."""
        self._drafting.keep(self.name)

    def invoke(self, payload: Any = "") -> Any:
        """Run it here and return its answer."""
        return self._invoke(self.name, payload)

    def __repr__(self) -> str:
        return repr(self.live)


class RolledBack:
    """The outcome of a rollback, or of `make_live`."""

    def __init__(self, was: Version, now: Version) -> None:
        self.was, self.now, self.changed_helpers = was, now, now.changed_helpers()

    def __repr__(self) -> str:
        if self.now.number == self.was.number:
            return f"{self.now} is live already."
        text = f"{self.now} is live again (was v{self.was.number})."
        if self.changed_helpers:
            text += f" It uses what has changed since: {', '.join(self.changed_helpers)}."
        return text
