"""Shows what may be secrets, one by one, and asks what becomes of each; or takes the answers from options."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from workbench.core.errors import WorkbenchError
from workbench.sharing.packing import NONE, REMOVE, Decision
from workbench.sharing.secrets import Found

ALL = "all"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ASKED = "  r: remove it   n: name it   k: keep it, it is none   q: pack nothing"
Choices = Mapping[str, Decision]


def choices(remove: Sequence[str], name: Sequence[str], none: Sequence[str]) -> dict[str, Decision]:
    """What options say, by number or `all`.

    Raises:
        WorkbenchError: One is no number, no name of a secret, or said twice.
    """
    said = [(each, Decision(REMOVE)) for each in remove] + [(each, Decision(NONE)) for each in none]
    said += [(number, Decision("name", called)) for each in name for number, _, called in [each.partition("=")]]
    found: dict[str, Decision] = {}
    for number, decision in said:
        if not (number.isascii() and number.isdigit()) and (number != ALL or decision.name):
            raise WorkbenchError(f"{number!r} is no number of a finding. Fix: run without options to see the numbers.")
        if decision.what == "name" and not _NAME.fullmatch(decision.name):
            raise WorkbenchError(f"{decision.name!r} is no name of a secret. Fix: --name {number}=MY_TOKEN")
        if number in found:
            raise WorkbenchError(f"Finding {number} is told twice what becomes of it. Fix: say it once.")
        found[number] = decision
    return found


def review(found: Sequence[Found], given: Choices, asks: bool) -> dict[int, Decision]:
    """What becomes of each: as an option says, else as a person answers, where one can be asked."""
    decided = {}
    for each in found:
        decision = given.get(str(each.number)) or given.get(ALL)
        if decision is None and asks:
            decision = _ask(each)
        if decision is not None:
            decided[each.number] = decision
    return decided


def _ask(found: Found) -> Decision | None:
    """One answer; None packs nothing."""
    print(found)
    while True:
        answer = input(f"{_ASKED}: ").strip().lower()
        if answer in ("r", "k"):
            return Decision(REMOVE if answer == "r" else NONE)
        if answer == "q":
            return None
        if answer == "n":
            name = input("  its name, as MY_TOKEN: ").strip()
            if _NAME.fullmatch(name):
                return Decision("name", name)
            print("  A name has letters, digits and underscores, and begins with none of the digits.")
