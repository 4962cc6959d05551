"""A cassette: what one call asked of others and what it got, and the file beside the notebook that keeps it.

The file is JSON, one a test, its keys sorted and a line each, so that two branches merge. Contents that are long or no
text are files in `bodies/`, named by their hash. No credential gets here: values of secrets are known by name since
they entered memory, and what is called like a credential is neither written nor compared.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp
from typing import Any, Literal, NamedTuple

from workbench.app.cassettes.errors import DamagedCassette, NewerCassette, NoCassette, NotATest
from workbench.app.cassettes.values import (
    BadValue,
    CannotWrite,
    Reading,
    Writing,
    hash_of,
    read_error,
    written_error,
)
from workbench.connections.common.hosts import host_of
from workbench.connections.definition import ConnectionDefinition, tag
from workbench.core.definition import Definition
from workbench.core.errors import ServiceUsage
from workbench.core.payload.asked import Told

FORMAT = 1
FOLDER, BODIES = "cassettes", "bodies"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_BODY = re.compile(r"[0-9a-f]{32}")
By = Literal["peer", "record"]


class Side(NamedTuple):
    """One other side: what plays it, and the definition by which it was reached.

    Attributes:
        kind: Its kind, as `ftp`; `redis` of Redis, `service` of one that was invoked in the background.
        by: `peer`, a stand-in that has what it had then; `record`, the answers as they came.
        host: Which host it was; '' of this machine.
        fields: Each field of the definition that is not as by default, as a hash.
    """

    kind: str
    by: By
    host: str = ""
    fields: Mapping[str, str] = {}


class Cassette(NamedTuple):
    """What one call asked, in order, and the other sides it asked."""

    service: str
    sides: Mapping[str, Side]
    asked: tuple[Told, ...]
    answer: Any = None


def side_of(definition: ConnectionDefinition, by: By) -> Side:
    """The other side of a definition that is in force."""
    fields = {name: hash_of(_stable(value).encode())[:8] for name, value in sorted(definition.changed().items())}
    return Side(tag(definition), by, host_of(definition.called), fields)


def _stable(value: Any) -> str:
    pairs = value.items() if isinstance(value, dict) else ()
    return repr(sorted((key, repr(each)) for key, each in pairs)) if pairs else repr(value)


class Cassettes:
    """The cassettes beside one notebook.

    Args:
        folder: The notebook's folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / FOLDER

    @property
    def names(self) -> list[str]:
        """Those there are."""
        return sorted(path.stem for path in self.folder.glob("*.json")) if self.folder.is_dir() else []

    def path(self, name: str) -> Path:
        """The file of a cassette; raises ServiceUsage for what is no name."""
        if not NAME.fullmatch(name) or name.endswith("."):
            raise ServiceUsage(
                f"A cassette cannot be called {name!r}. Fix: letters, digits, dots, _ and -, at most 100 of them."
            )
        return self.folder / f"{name}.json"

    def save(self, name: str, cassette: Cassette) -> Path:
        """Write a cassette, whole or not at all, in place of a former one of that name.

        Raises:
            NotATest: Something that was asked or answered has no form in a file.
        """
        path, writing = self.path(name), Writing()
        plain = _written(cassette, writing)
        (self.folder / BODIES if writing.bodies else self.folder).mkdir(parents=True, exist_ok=True)
        for each, contents in writing.bodies.items():
            if not (at := self.folder / BODIES / each).exists():
                _write(at, contents)
        _write(path, (json.dumps(plain, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode())
        self.prune()
        return path

    def as_read(self, cassette: Cassette, definitions: Mapping[str, Definition]) -> Cassette:
        """A cassette as it would be read again, with nothing written.

        Raises:
            NotATest: Something that was asked or answered has no form in a file.
        """
        writing = Writing()
        plain = json.loads(json.dumps(_written(cassette, writing)))
        return _read(plain, Reading(lambda name, size: writing.bodies[name], definitions))

    def remove(self, name: str) -> None:
        """Remove a cassette and what it alone needs."""
        self.path(name).unlink(missing_ok=True)
        self.prune()

    def prune(self) -> None:
        """Remove bodies that no cassette names any more."""
        named: set[str] = set()
        for path in self.folder.glob("*.json"):
            named |= set(re.findall(r'"hash": "([0-9a-f]{32})"', path.read_text("utf-8", "replace")))
        with suppress(OSError):
            for body in list((self.folder / BODIES).iterdir()):
                if _BODY.fullmatch(body.name) and body.name not in named:
                    body.unlink(missing_ok=True)
            if not named:
                (self.folder / BODIES).rmdir()

    def load(self, name: str, definitions: Mapping[str, Definition]) -> Cassette:
        """Read a cassette.

        Args:
            name: Its name.
            definitions: The connections in force.

        Raises:
            NoCassette, DamagedCassette, NewerCassette: It is not there, cannot be read, or is of a later format.
        """
        path = self.path(name)
        try:
            found = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            raise NoCassette(name, self.folder, self.names) from None
        except OSError as exc:
            raise DamagedCassette(name, f"it cannot be read ({exc.strerror})") from exc
        except (ValueError, RecursionError) as exc:
            raise DamagedCassette(name, f"it is no JSON ({exc})") from exc
        if not isinstance(found, dict) or not isinstance(written := found.get("format"), int):
            raise DamagedCassette(name, "it does not say its format")
        if written > FORMAT:
            raise NewerCassette(name, written, FORMAT)
        try:
            return _read(found, Reading(self._body, definitions))
        except (BadValue, LookupError, TypeError, ValueError, AttributeError, RecursionError) as exc:
            raise DamagedCassette(
                name, str(exc) if isinstance(exc, BadValue) else f"{type(exc).__name__}: {exc}"
            ) from exc

    def _body(self, name: str, size: int) -> bytes:
        if not _BODY.fullmatch(name):
            raise BadValue(f"{name!r} is no hash of a body")
        try:
            contents = (self.folder / BODIES / name).read_bytes()
        except OSError as exc:
            raise BadValue(f"its body {name} cannot be read ({exc.strerror})") from exc
        if len(contents) != size or hash_of(contents) != name:
            raise BadValue(f"its body {name} is not what was written")
        return contents


def _write(path: Path, contents: bytes) -> None:
    number, temporary = mkstemp(prefix=".", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(contents)
            file.flush()
            os.fsync(file.fileno())
        # Read by whoever may read what lies beside it.
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0o22)
    os.umask(mask)
    return mask


def _written(cassette: Cassette, writing: Writing) -> dict[str, Any]:
    try:
        return _plain(cassette, writing)
    except CannotWrite as exc:
        raise NotATest("What was asked or answered", str(exc), "ask for less, or for plain values") from exc


def _plain(cassette: Cassette, writing: Writing) -> dict[str, Any]:
    sides = {name: side._asdict() | {"fields": dict(side.fields)} for name, side in cassette.sides.items()}
    plain = {"asked": list(_asked(cassette.asked, writing)), "format": FORMAT, "service": cassette.service}
    plain |= {"connections": sides}
    return plain if cassette.answer is None else plain | {"answer": writing.write(cassette.answer)}


def _asked(asked: tuple[Told, ...], writing: Writing) -> Iterator[dict[str, Any]]:
    for each in asked:
        args, named = each.arguments if _is_call(each.arguments) else ((each.arguments,), {})
        plain: dict[str, Any] = {"connection": each.connection, "operation": each.operation}
        plain |= {"sent": writing.write(list(args))} if args else {}
        plain |= {"sent_by_name": writing.write(dict(sorted(named.items())))} if named else {}
        plain |= {} if _is_call(each.arguments) else {"is_value": True}
        plain |= {"awaited": True} if each.awaited else {}
        if each.why:
            plain["not_kept"] = each.why
        elif each.error is not None:
            plain["error"] = written_error(writing, each.error)
        else:
            plain["answer"] = writing.write(each.answer)
        yield plain


def _is_call(arguments: Any) -> bool:
    match arguments:
        case (tuple(), dict() as named):
            return all(type(each) is str for each in named)
    return False


def _read(found: Mapping[str, Any], reading: Reading) -> Cassette:
    asked = []
    for each in found["asked"]:
        args, named = reading.read(each.get("sent", [])), reading.read(each.get("sent_by_name", {}))
        arguments: Any = args[0] if each.get("is_value") else (tuple(args), named)
        error = read_error(reading, each["error"]) if "error" in each else None
        answer, why = reading.read(each.get("answer")), str(each.get("not_kept", ""))
        if not {"answer", "error", "not_kept"} & each.keys():
            raise BadValue("a thing that was asked has neither answer nor error")
        told = Told(str(each["connection"]), str(each["operation"]), arguments, answer, error, why)
        asked.append(told._replace(awaited=bool(each.get("awaited"))))
    sides = {name: Side(**side) for name, side in found["connections"].items()}
    if missing := [each.connection for each in asked if each.connection not in sides]:
        raise BadValue(f"it does not say what {missing[0]!r} is")
    return Cassette(str(found["service"]), sides, tuple(asked), reading.read(found.get("answer")))
