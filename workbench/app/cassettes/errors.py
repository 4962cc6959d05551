"""What may be wrong with a cassette, and why a call cannot be made a test."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from workbench.core.errors import WorkbenchError, listed
from workbench.core.masking import mask

ANEW = "open the call in Traffic and make the test anew, or call .make_test(name={!r}) of it"


class NoCassette(WorkbenchError):
    """There is no cassette of that name."""

    def __init__(self, name: str, folder: Path, there: Sequence[str]) -> None:
        super().__init__(
            f"There is no cassette {name!r} in {folder.name}/; there are: {listed(there) or 'none'}. "
            f"Fix: correct the name, take the file from version control, or {ANEW.format(name)}."
        )


class DamagedCassette(WorkbenchError):
    """A cassette cannot be read."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(
            f"Cassette {name!r} is damaged: {why}. "
            f"Fix: take the file from version control, settle its merge, or {ANEW.format(name)}."
        )


class NewerCassette(WorkbenchError):
    """A cassette was written by a later workbench."""

    def __init__(self, name: str, found: int, known: int) -> None:
        super().__init__(
            f"Cassette {name!r} is of format {found}, and this workbench reads formats up to {known}. "
            f"Fix: pip install --upgrade notebook-workbench"
        )


class StaleCassette(WorkbenchError):
    """A definition, or what a service asks, is not as it was when the cassette was recorded. Nobody was called."""

    mood = "attention"

    def __init__(self, name: str, why: str) -> None:
        fix = f"Fix: if that is meant, {ANEW.format(name)}."
        super().__init__(mask(f"Cassette {name!r} is stale: {why}. Nobody outside was called. {fix}"))


class Drifted(WorkbenchError, AssertionError):
    """The outside answers otherwise than when the cassette was recorded.

    Attributes:
        differences: One sentence each.
    """

    mood = "attention"

    def __init__(self, name: str, differences: Sequence[str]) -> None:
        self.differences = [mask(each) for each in differences]
        told = "\n".join(f"  {each}" for each in self.differences)
        super().__init__(
            f"The outside has drifted from cassette {name!r}:\n{told}\n"
            f"Fix: see whether the service still does what it should, then {ANEW.format(name)}."
        )


class NotATest(WorkbenchError):
    """A call cannot be made a test, or would be one that is not green; the text says why. Nothing is written.

    Attributes:
        differences: What differed from the recorded call in each replay, a sentence each.
    """

    mood = "attention"

    def __init__(self, what: str, why: str, fix: str, differences: Sequence[str] = ()) -> None:
        self.differences = [mask(each) for each in differences]
        more = "".join(f"\n  {each}" for each in self.differences)
        super().__init__(mask(f"{what} {why}. Fix: {fix}.") + more)
