"""What leaves with a notebook: the notebook without what runs and front ends add, and the files that it needs."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from workbench.app.configuration.secrets import FoundSecrets
from workbench.core.errors import MissingSecret, WorkbenchError, listed
from workbench.core.secret import Secret
from workbench.sharing.cleaned import KEEP, cleaned
from workbench.sharing.environment import Needed, needed
from workbench.sharing.flow import Flow, flow
from workbench.sharing.names import portable, same_elsewhere, wrong_with
from workbench.sharing.secrets import Place, text_of
from workbench.testing.lint.linting import allowances
from workbench.testing.lint.notebook import Notebook
from workbench.testing.lint.secrets import SECRET_NAME, typed_secrets

CASSETTES = "cassettes"
WRITTEN = ("README.md", "index.html", "environment.yml")
"""What a package has of its own."""
MOST_BYTES = 256 << 20
"""Largest package [bytes of all files]."""
_LEFT_OUT = frozenset(("__pycache__", "node_modules"))
_PICTURE = re.compile(
    r"""!\[[^\]]{0,1000}\]\(\s*<?([^)\s>]{1,1000})|<img\s[^>]{0,1000}?src\s*=\s*["']([^"']{1,1000})"""
)
_TEXTS = ("text/", "application/json", "application/javascript", "image/svg+xml")


class NotShareable(WorkbenchError):
    """Something keeps a notebook from being packed."""


class Bundle(NamedTuple):
    """A notebook and what leaves with it, before anything is taken out.

    Attributes:
        name: Its file's name in the package.
        source: Where it is.
        notebook: Its JSON, without outputs but those of cells that keep them.
        files: The other files, by their paths in the package.
        flow: What goes where in it.
        needed: What it needs to be installed.
        has_import: Whether its cells can use `secret` as it is.
        none: Texts of which a comment says that they are no secrets.
    """

    name: str
    source: Path
    notebook: dict[str, Any]
    files: dict[str, bytes]
    flow: Flow
    needed: Needed
    has_import: bool
    none: frozenset[str]


def bundle(path: Path, more: Iterable[Path] = ()) -> Bundle:
    """Gather a notebook, its modules, pictures, cassettes and tests, and further files and folders.

    Raises:
        NotTestable: It is no notebook of Python, of nbformat 4.
        NotShareable: A file cannot be packed.
        OSError: A file cannot be read.
    """
    read = Notebook(path)
    notebook: dict[str, Any] = json.loads(cleaned(path.read_bytes()))
    need = needed(read, path.parent)
    paths = [*need.modules, *_pictures(notebook, path.parent), *path.parent.glob(f"test_{_literal(path.stem)}.*")]
    paths += [path.parent / CASSETTES] if (path.parent / CASSETTES).is_dir() else []
    files: dict[str, bytes] = {}
    for each in [*paths, *more]:
        for file in _files(each):
            inside = file.absolute().is_relative_to(path.parent.absolute())
            base = path.parent if inside else each.parent
            files[file.absolute().relative_to(base.absolute()).as_posix()] = file.read_bytes()
    files.pop(path.name, None)
    name = portable(path.name)
    _check([name, *files], sum(map(len, files.values())))
    has_import = "secret" in read.imported or _kernel(notebook) == "workbench" or _has_star(read)
    return Bundle(name, path, notebook, dict(sorted(files.items())), flow(read), need, has_import, _allowed(read))


def _literal(stem: str) -> str:
    """A name as a pattern that it alone fits."""
    return re.sub(r"([*?\[])", r"[\1]", stem)


def _kernel(notebook: Mapping[str, Any]) -> str:
    return str(notebook.get("metadata", {}).get("kernelspec", {}).get("name", ""))


def _has_star(notebook: Notebook) -> bool:
    return notebook.imported.get("*") == "workbench.*"


def _allowed(notebook: Notebook) -> frozenset[str]:
    """Texts at which a comment allows what the rule finds there."""
    allowed = [each for each in allowances(notebook)[0] if each.rule == "secret-in-notebook"]
    return frozenset(
        text_of(node)
        for cell in notebook.cells
        for _, node in typed_secrets(cell.tree)
        if any(each.covers(cell.at(node, each.rule, "")) for each in allowed)
    )


def _pictures(notebook: Mapping[str, Any], folder: Path) -> Iterator[Path]:
    """Files below the folder that texts show as pictures."""
    for cell in notebook["cells"]:
        if cell.get("cell_type") == "markdown":
            for match in _PICTURE.finditer("".join(cell.get("source", ""))):
                source = unquote(match[1] or match[2])
                file = folder / source
                if ":" not in source and file.is_file() and file.resolve().is_relative_to(folder.resolve()):
                    yield file


def _files(path: Path) -> Iterator[Path]:
    """A file, or those of a folder, without hidden ones; raises NotShareable for what is neither, and for links."""
    if path.is_symlink():
        raise NotShareable(f"{path} is a link, which a package cannot hold. Fix: put a copy in its place.")
    if path.name.startswith(".") or path.name in _LEFT_OUT:
        return
    if path.is_dir():
        for each in sorted(path.iterdir()):
            yield from _files(each)
    elif path.is_file():
        yield path
    else:
        raise NotShareable(f"There is no file or folder {str(path)!r} to pack. Fix: correct the path.")


def _check(paths: list[str], size: int) -> None:
    """Raise NotShareable for paths that other systems cannot write, and for what is too much."""
    if taken := [each for each in paths if each in WRITTEN]:
        raise NotShareable(f"A package writes its own {listed(taken)}. Fix: give yours another name.")
    for each in paths:
        if why := wrong_with(each):
            raise NotShareable(f'{each!r} cannot be packed: {why}. Fix: rename it, without <>:"|?* and ends of dots.')
    if pairs := same_elsewhere([*WRITTEN, *paths]):
        one, other = pairs[0]
        raise NotShareable(f"{one!r} and {other!r} are one file on a disk that ignores case. Fix: rename one.")
    if size > MOST_BYTES:
        raise NotShareable(
            f"The files are {size >> 20} MiB, and a package holds {MOST_BYTES >> 20}. Fix: leave large ones out."
        )


def places(notebook: Mapping[str, Any], files: Mapping[str, bytes]) -> Iterator[Place]:
    """All texts that travel, with the words for where they are."""
    yield Place("the notebook's metadata", json.dumps(notebook.get("metadata", {}), ensure_ascii=False))
    for number, cell in enumerate(notebook["cells"], 1):
        is_code = cell.get("cell_type") == "code"
        yield Place(f"cell {number}", joined(cell.get("source", "")), is_code)
        yield Place(f"cell {number}, metadata", json.dumps(cell.get("metadata", {}), ensure_ascii=False))
        for name, data in (cell.get("attachments") or {}).items():
            yield Place(f"cell {number}, attachment", name)
            # Of whatever kind, it is in base64 (nbformat 4.1).
            yield from (Place(f"cell {number}, attachment", f"base64,{joined(each)}\n") for each in data.values())
        for output in cell.get("outputs") or ():
            yield from (Place(f"cell {number}, output", each) for each in _shown(output))
    for path, contents in files.items():
        yield Place(path, path)
        yield Place(path, contents.decode("utf-8", "replace"), path.endswith(".py"))
        if b"\x00" in contents:
            yield Place(path, contents.decode("latin-1"))


def _shown(output: Mapping[str, Any]) -> Iterator[str]:
    yield joined(output.get("text", ""))
    yield "\n".join(map(str, output.get("traceback", ()))) + str(output.get("evalue", ""))
    yield from (_as_text(kind, each) for kind, each in (output.get("data") or {}).items())
    yield json.dumps(output.get("metadata", {}), ensure_ascii=False)


def _as_text(kind: str, value: Any) -> str:
    """Data of a kind as text, of what is none as the base64 that it is."""
    if not isinstance(value, str | list):
        return json.dumps(value, ensure_ascii=False)
    return joined(value) if kind.startswith(_TEXTS) else f"base64,{joined(value)}\n"


def joined(text: Any) -> str:
    """Text that may be a list of its lines."""
    return "".join(map(str, text)) if isinstance(text, list) else str(text)


def known_values(wanted: Iterable[str], folder: Path) -> dict[str, str]:
    """The values that are secrets here, by name: those that the notebook names, all of its `.env`, and variables of the
    environment whose name says so.

    Raises:
        WorkbenchError: `.env` cannot be read, or the keyring does not tell.
    """
    found = FoundSecrets(folder, lambda: False)
    names = {*wanted, *found.names, *(name for name in os.environ if SECRET_NAME.search(name))}
    values: dict[str, str] = {}
    for name in sorted(each for each in names if not each.startswith("WORKBENCH_")):
        try:
            values[name] = found.reveal(Secret(name), "workbench share")
        except MissingSecret:
            continue
    return values


def keeps(cell: Mapping[str, Any]) -> bool:
    """Whether a cell's outputs travel as they are saved."""
    return KEEP in (cell.get("metadata", {}).get("tags") or ())
