"""How a peer that keeps files looks: a tree to open, the beginning of each file, and what clients asked.

A card offers each file to be taken home; what is saved with a notebook names it and holds at most its first characters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.connections.files.protocol import said_bytes
from workbench.core.masking import mask
from workbench.notebook.html import chip, code, escape, measure, muted, strong
from workbench.sandbox.peer import Peer

SHOWN_FILES = 200
SHOWN_REQUESTS = 20
LARGEST_SHOWN_BYTES = 64 * 1024
LARGEST_ALL_BYTES = 512 * 1024
SHOWN_CHARACTERS = 1000
CURSOR = "cursor:pointer"


def tree(peer: Peer) -> str:
    """The files of a peer, by folder."""
    files: Mapping[str, bytes] = peer.files  # type: ignore[attr-defined]
    sizes = {row["file"]: row["bytes"] for row in peer.rows()}
    count = f"{len(sizes) or 'no'} file{'' if len(sizes) == 1 else 's'}"
    head = f"{chip('sandbox', 'warn')} {strong(str(peer))} {muted(count)}"
    shown = dict(list(sizes.items())[:SHOWN_FILES])
    more = muted(f"and {len(sizes) - len(shown)} more") if len(sizes) > len(shown) else ""
    return f"{head}{_folder(_nested(shown), files, [LARGEST_ALL_BYTES])}{more}{_requests(peer)}"


def _nested(sizes: Mapping[str, int]) -> dict[str, Any]:
    """Folders as dictionaries, files as their path and size."""
    root: dict[str, Any] = {}
    for path, size in sizes.items():
        *folders, name = path.split("/")
        place = root
        for each in folders:
            place = place.setdefault(f"{each}/", {})
        place[name] = (path, size)
    return root


def _folder(entries: Mapping[str, Any], files: Mapping[str, bytes], left: list[int]) -> str:
    lines = []
    for name, entry in sorted(entries.items(), key=lambda each: (not isinstance(each[1], dict), each[0])):
        if isinstance(entry, dict):
            inner = _folder(entry, files, left)
            lines.append(f'<details open><summary style="{CURSOR}">{strong(name)}</summary>{inner}</details>')
        else:
            path, size = entry
            lines.append(_file(name, path, size, files, left))
    return '<div style="margin-left:18px">' + "\n".join(lines) + "</div>"


def _file(name: str, path: str, size: int, files: Mapping[str, bytes], left: list[int]) -> str:
    named = f'<span data-take="{escape(path)}">{code(name)} {measure(said_bytes(size))}</span>'
    # What is shown is saved with the notebook, so that all of it together stays small.
    if size > LARGEST_SHOWN_BYTES or size > left[0]:
        return f"<div>{named}</div>"
    left[0] -= size
    return (
        f'<details><summary style="{CURSOR}">{named}</summary>'
        f'<pre style="margin:2px 0 4px 18px;white-space:pre-wrap">{escape(_text(files.get(path, b"")))}</pre></details>'
    )


def _text(contents: bytes) -> str:
    try:
        text = contents.decode()
    except UnicodeDecodeError:
        return " ".join(f"{each:02x}" for each in contents[:64]) + (" ..." if len(contents) > 64 else "")
    text = mask(text)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."


def _requests(peer: Peer) -> str:
    asked = getattr(peer, "asked", None)
    if not asked:
        return ""
    lines = "".join(f"<div>{code(repr(each))}</div>" for each in asked[-SHOWN_REQUESTS:])
    count = len(asked) + asked.dropped
    title = muted(f"{count} request{'' if count == 1 else 's'}")
    return f'<details><summary style="{CURSOR}">{title}</summary>{lines}</details>'
