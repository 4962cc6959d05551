"""Names the program that holds a port, where the system tells (Linux, own processes)."""

from __future__ import annotations

from pathlib import Path

LISTENING = "0A"


def owner_of(port: int) -> str:
    """`python3 (pid 1234)`, or '' when it cannot be known."""
    inodes = {inode for table in ("tcp", "tcp6") for inode in _listening(Path("/proc/net") / table, port)}
    if not inodes:
        return ""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            held = {str(each.readlink()) for each in (process / "fd").iterdir()}
            if held & {f"socket:[{inode}]" for inode in inodes}:
                return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
        except OSError:
            continue
    return ""


def _listening(table: Path, port: int) -> list[str]:
    try:
        rows = [line.split() for line in table.read_text().splitlines()[1:]]
    except OSError:
        return []
    return [row[9] for row in rows if row[3] == LISTENING and int(row[1].rsplit(":", 1)[1], 16) == port]
