"""File names are input, whoever sends them: what would lead out of a folder, or break a command, is refused."""

from __future__ import annotations

import re

from workbench.connections.files.errors import UnsafeName

LONGEST_NAME_BYTES = 255
LONGEST_PATH_BYTES = 1024
DRIVE = re.compile(r"[A-Za-z]:")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
PART = re.compile(r"\..*\.[0-9a-f]{8}\.part")
CLAIMED = ".claimed"


def problem_of(name: object) -> str:
    """Why one name, without its folder, cannot be used; '' if it can."""
    if not isinstance(name, str):
        return "is no text"
    if not name or name in (".", ".."):
        return "is empty" if not name else "leads to another folder"
    if "/" in name or "\\" in name:
        return "contains a slash or backslash"
    if CONTROL.search(name):
        return "contains a control character, as NUL, CR or LF"
    if DRIVE.match(name):
        return "begins with a drive letter"
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return "is not UTF-8"
    return f"is longer than {LONGEST_NAME_BYTES} bytes" if size > LONGEST_NAME_BYTES else ""


def path_of(path: object, owner: object) -> str:
    """A path below the root of a connection, as `in/a.txt`; '' is the root itself.

    A slash at the beginning or end means nothing: `/in/`, `in` and `/in` are the same folder.

    Raises:
        UnsafeName: It leads elsewhere, or holds what no file name may hold.
    """
    if not isinstance(path, str):
        raise UnsafeName(owner, path, "is no text")
    if path.startswith("//"):
        raise UnsafeName(owner, path, "begins with two slashes, which some systems take for another machine")
    names = [name for name in path.split("/") if name not in ("", ".")]
    for name in names:
        if problem := problem_of(name):
            raise UnsafeName(owner, path, problem)
    joined = "/".join(names)
    if len(joined.encode()) > LONGEST_PATH_BYTES:
        raise UnsafeName(owner, path, f"is longer than {LONGEST_PATH_BYTES} bytes")
    return joined


def folder_problems(folder: str) -> dict[str, str]:
    """What is wrong with a field `default_directory`."""
    try:
        path_of(folder, "default_directory")
    except ValueError as exc:
        return {"default_directory": str(exc)}
    return {}


def parent_of(path: str) -> str:
    """The folder of a path; '' is the root."""
    return path.rpartition("/")[0]


def name_of(path: str) -> str:
    """The last name of a path."""
    return path.rpartition("/")[2]


def joined(folder: str, name: str) -> str:
    """A name below a folder."""
    return f"{folder}/{name}" if folder else name


def part_of(path: str, token: str) -> str:
    """Where a file is gathered until it is whole, beside where it will be; `token` is 8 hexadecimal digits."""
    kept = name_of(path).encode()[:200].decode(errors="ignore")
    return joined(parent_of(path), f".{kept}.{token}.part")


def is_ours(name: str) -> bool:
    """Whether it is an unfinished upload or the folder of claimed files, which listings leave out."""
    return name == CLAIMED or PART.fullmatch(name) is not None
