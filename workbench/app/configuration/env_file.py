"""Writes one line of a file `.env`: the others stay as they are, and the file is its owner's alone."""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import suppress
from io import StringIO
from pathlib import Path
from threading import Lock

from workbench.core.errors import WorkbenchError

_PLAIN = re.compile(r"[^\x00-\x1f\x7f]*")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_writing = Lock()


def set_in_file(path: Path, name: str, value: str) -> None:
    """Set a variable in a file `.env`, made if it is not there, with the rights 0600 from its beginning on.

    It is replaced as a whole, so that whoever reads meanwhile finds the former text or the new one.

    Raises:
        WorkbenchError: It cannot be read or written, or the value cannot stand in it; the value is in no message.
    """
    path = path.resolve()
    with _writing:
        try:
            # As they are: another program may count on the ends of its lines.
            text = path.read_bytes().decode() if path.exists() else ""
        except (OSError, UnicodeDecodeError) as exc:
            raise WorkbenchError(f"{path} cannot be read: {exc}. Fix: save it as UTF-8 text you may read.") from None
        new = _with_line(text, name, value)
        try:
            _replace(path, new)
        except OSError as exc:
            fix = f"make its folder writable, or set {name} in the environment"
            raise WorkbenchError(f"{path} cannot be written: {exc.strerror}. Fix: {fix}.") from None


def _with_line(text: str, name: str, value: str) -> str:
    from dotenv import dotenv_values
    from dotenv.parser import parse_stream

    end = "\r\n" if "\r\n" in text else "\n"
    line, kept, is_there = f"{name}={_quoted(value)}", [], False
    for each in parse_stream(StringIO(text, newline="")):
        if each.key != name:
            kept.append(each.original.string)
        elif not is_there:
            before = re.match(r"\s*(?:export\s+)?", each.original.string)
            kept.append(f"{before[0] if before else ''}{line}{end}")
            is_there = True
    new = "".join(kept)
    if not is_there:
        new += f"{'' if not new or new.endswith(chr(10)) else end}{line}{end}"
    # Universal newlines, as whoever reads the file has them; half of a surrogate pair has no bytes.
    read = dotenv_values(stream=StringIO(new.replace("\r\n", "\n")), interpolate=False).get(name)
    if read != value or read.encode(errors="ignore").decode() != value:
        raise WorkbenchError(f"{name} has a value that a file .env cannot hold. Fix: set it in the environment.")
    return new


def _quoted(value: str) -> str:
    """A value in quotes: single ones, in which nothing but they and backslashes is special, wherever they will do."""
    if _PLAIN.fullmatch(value):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return '"' + "".join(_ESCAPES.get(each, each) for each in value) + '"'


def _replace(path: Path, text: str) -> None:
    number, fresh = tempfile.mkstemp(prefix=".env.", dir=path.parent)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        Path(fresh).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(fresh).unlink()
        raise
