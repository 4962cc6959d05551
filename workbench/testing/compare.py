"""Compares what a cell shows with what it showed when it was saved: plain text, but for what differs in every run.

What differs is not guessed from its looks. The kernel says which CIDs, ports, paths and times are its own; where one of
them stands in what the cell shows now, the saved text may have another of the same kind, and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import unified_diff
from typing import Any, NamedTuple

AROUND_LINES = 3
MOST_LINES = 40
LONGEST_LINE = 300
"""How much of a difference is shown: lines around it, lines in all, characters of each."""

_WIDGET = "application/vnd.jupyter.widget-view+json"
_VIEW = "a view of a widget"
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
Outputs = Iterable[Mapping[str, Any]]


class Difference(NamedTuple):
    """One output that is not as it was saved; both as text."""

    what: str
    saved: str
    now: str

    def __str__(self) -> str:
        saved, now = self.saved.splitlines(), self.now.splitlines()
        pairs = enumerate(zip(saved, now, strict=False))
        first = next((at for at, (one, other) in pairs if one != other), min(len(saved), len(now)))
        near = slice(max(0, first - AROUND_LINES), first + MOST_LINES)
        was, is_now = ([line[:LONGEST_LINE] for line in each[near]] for each in (saved, now))
        lines = [*unified_diff(was, is_now, "saved", "now", n=AROUND_LINES, lineterm="")]
        if len(lines) > MOST_LINES:
            lines[MOST_LINES:] = ["..."]
        if not lines:
            lines = ["(the lines are equal for their first characters, or differ in their ends)"]
        return "\n".join([f"{self.what} is not as saved, at line {first + 1}:", *lines])


class Volatile:
    """What is another text in each run, by kind, as the kernel says: `cid`, `port`, `path`, `time`."""

    def __init__(self, told: Mapping[str, Iterable[str]]) -> None:
        holes = [(*_hole(kind, text), kind) for kind, texts in told.items() for text in texts]
        # The longest first, so that no text is taken for the beginning of another.
        holes.sort(key=lambda hole: -len(hole[0]))
        self._saved = [(shape, kind) for _, shape, kind in holes]
        self._now = re.compile("|".join(f"({here})" for here, *_ in holes)) if holes else None

    def fits(self, saved: str, now: str) -> bool:
        """Whether a saved text is what is shown now, but for what differs in each run."""
        if saved == now or self._now is None:
            return saved == now
        pieces, at, named = list[str](), 0, set[int]()
        for match in self._now.finditer(now):
            hole = match.lastindex or 1
            shape, kind = self._saved[hole - 1]
            if kind == "path":
                # A folder is the same wherever it stands; if each might be another, all ways to part a text were tried.
                shape = f"(?P=at{hole})" if hole in named else f"(?P<at{hole}>{shape})"
                named.add(hole)
            pieces += [re.escape(now[at : match.start()]), shape]
            at = match.end()
        return bool(pieces) and re.fullmatch("".join([*pieces, re.escape(now[at:])]), saved) is not None


def _hole(kind: str, text: str) -> tuple[str, str]:
    """How one text is found in what is shown now, and the form that its counterpart has in what was saved."""
    found = re.escape(text)
    if kind == "cid":
        return found + "[0-9a-f]{8}", "(?:[0-9a-f]{24}|\\.\\.\\.)"
    if kind == "port":
        return f"(?<![0-9.]){found}(?![0-9])", "[0-9]{1,5}"
    if kind == "path":
        return found, "(?:/|[A-Za-z]:[/\\\\])[^\\n'\"<>|]*?"
    return found, "".join(map(_form, re.findall("[0-9]|[A-Za-z]+|.", text, re.DOTALL)))


def _form(piece: str) -> str:
    if piece.isdigit():
        return "[0-9]"
    return "[A-Za-z]+" if piece.isalpha() else re.escape(piece)


def differences(saved: Outputs, now: Outputs, volatile: Volatile) -> list[Difference]:
    """What is not as it was saved: prints as one text, results and displays one by one, and the error.

    HTML, pictures, views of widgets and standard error are not compared; a view may have been saved as its text alone.
    """
    before, after = _texts(saved), _texts(now)
    for at, (what, text) in enumerate(after):
        if text is _VIEW and at < len(before) and _alike(before[at][0], what):
            before[at] = what, _VIEW
    before, after = ([each for each in one if each[1] is not _VIEW] for one in (before, after))
    found = []
    for at in range(max(len(before), len(after))):
        (what, was), (named, is_now) = (each[at] if at < len(each) else ("", "") for each in (before, after))
        if not _alike(what, named):
            found.append(Difference(f"{what or 'nothing'} (now {named or 'nothing'})", was, is_now))
            break  # from here on each would be compared with another
        if not volatile.fits(was, is_now):
            found.append(Difference(named, was, is_now))
    return found


def _alike(what: str, named: str) -> bool:
    """Whether two outputs are of one kind to who reads them: a card is a display where it is live, else a result."""
    return what == named or {what, named} == {"display", "result"}


def _texts(outputs: Outputs) -> list[tuple[str, str]]:
    """What is compared of outputs, each with what it is called."""
    printed, rest = "", list[tuple[str, str]]()
    for each in outputs:
        data = each.get("data", {})
        if each["output_type"] == "stream":
            printed += _joined(each["text"]) if each["name"] == "stdout" else ""
        elif each["output_type"] == "error":
            rest.append(("error", f"{each['ename']}: {_ESCAPES.sub('', each['evalue'])}"))
        elif "text/plain" in data or _WIDGET in data:
            what = "result" if each["output_type"] == "execute_result" else "display"
            rest.append((what, _VIEW if _WIDGET in data else _joined(data["text/plain"])))
    return [("print", printed.rstrip("\n")), *rest]


def _joined(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)
