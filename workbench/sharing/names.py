"""Names of files that every system can write: Windows' rules, which are the strictest, and disks that ignore case."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
"""Letters that Windows takes in no name ("Naming Files, Paths, and Namespaces", Win32)."""
RESERVED = frozenset(
    ("con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in "0123456789¹²³"))
)
"""Names of devices there, whatever follows a dot."""
LONGEST_BYTES = 200
"""Longest name [bytes of UTF-8]: file systems take 255, and a copy wants room for its own ending."""
LONGEST_ENDING_BYTES = 20
"""Longest ending [bytes of UTF-8]; what is longer is no ending but a part of the name."""
LONGEST_PATH_BYTES, DEEPEST = 1_000, 32
"""Longest path [bytes of UTF-8], less than the 1,024 of macOS, and most folders in one another."""


def portable(name: str) -> str:
    """The name as every system can write it; letters of any script and spaces stay."""
    whole = FORBIDDEN.sub("-", unicodedata.normalize("NFC", name).encode(errors="replace").decode()).rstrip(" .")
    stem, dot, ending = whole.rpartition(".")
    if not dot or len(ending.encode()) > LONGEST_ENDING_BYTES:
        stem, dot, ending = whole, "", ""
    stem = stem.strip(" .") or "notebook"
    stem = f"{stem}-" if stem.partition(".")[0].rstrip().lower() in RESERVED else stem
    while len(f"{stem}{dot}{ending}".encode()) > LONGEST_BYTES:
        stem = stem[:-1].rstrip(" .")
    return f"{stem}{dot}{ending}"


def wrong_with(path: str) -> str:
    """Why a path of a package cannot be written everywhere below a folder; '' if it can."""
    if not path or path.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", path):
        return "it does not begin in the package"
    if len(path.encode(errors="replace")) > LONGEST_PATH_BYTES or path.count("/") > DEEPEST:
        return "not every system can write a path so long"
    for part in path.rstrip("/").split("/"):
        if part in ("", ".", ".."):
            return "it leads out of the package"
        if FORBIDDEN.search(part) or part != part.rstrip(" ."):
            return "not every system can write its name"
        if part.partition(".")[0].rstrip().lower() in RESERVED or len(part.encode(errors="replace")) > 255:
            return "not every system can write its name"
    return ""


def same_elsewhere(paths: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of paths that are one file on a disk that ignores case, or the ways to write a letter; folders included."""
    seen: dict[str, str] = {}
    found = []
    for path in paths:
        parts = path.rstrip("/").split("/")
        for end in range(1, len(parts) + 1):
            part = "/".join(parts[:end])
            other = seen.setdefault(unicodedata.normalize("NFC", part).casefold(), part)
            if other != part and (other, part) not in found:
                found.append((other, part))
    return found
