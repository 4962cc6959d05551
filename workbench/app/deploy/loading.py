"""Loads services and definitions of a file: a Python module, or a notebook cell by cell."""

from __future__ import annotations

import contextlib
import inspect
import linecache
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from functools import partial
from importlib.util import decode_source
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, Protocol

import msgspec
from msgspec import structs

from workbench.app.deploy.at_hand import at_hand
from workbench.app.deploy.draft import Deployed
from workbench.app.deploy.drafting import Drafting
from workbench.app.deploy.notebooks import cells_of
from workbench.app.origins import file_name
from workbench.core.errors import DeployRefused
from workbench.core.origin import Origin
from workbench.core.service import Service
from workbench.core.source import tree_of, undisturbed
from workbench.runtime.registry import Source

_LOADED = "__workbench_loaded__"
MOST_BYTES = 4 << 20
"""Largest module [bytes]."""


def source_of(classes: tuple[type[Service], ...]) -> str:
    """The text of classes of a script, as far as it can be found."""
    texts = []
    for cls in classes:
        with contextlib.suppress(OSError, TypeError):
            texts.append(undisturbed(partial(inspect.getsource, cls)))
    return "\n\n".join(texts)


class Loader(Protocol):
    """A workbench."""

    @property
    def drafting(self) -> Drafting:
        """Takes what the file defines."""
        ...


LOADER: ContextVar[Loader | None] = ContextVar("workbench_loader", default=None)
"""The workbench that loads a file on this thread: the file's `wb`, whatever other workbench the process has."""


def load(loader: Loader, path: Path, *, replace: bool = False, name: str = "") -> Deployed:
    """Load one file; where it imports `wb`, that is the loader.

    Args:
        loader: The workbench.
        path: The file.
        replace: Whether what another file has defined may be replaced.
        name: What a module is called by what it defines; its path from here if unset.

    Raises:
        DeployRefused: There is no such file, its kind is not known, or it does not run; nothing of it went live.
    """
    if not path.is_file():
        raise DeployRefused(f"There is no file {str(path)!r}, seen from {str(Path.cwd())!r}. Fix: correct the path.")
    if path.suffix in (".py", ".ipynb"):
        token = LOADER.set(loader)
        try:
            if path.suffix == ".ipynb":
                return _load_notebook(loader.drafting, path, replace)
            return load_module(loader.drafting, path, replace, file=name)
        finally:
            LOADER.reset(token)
    raise DeployRefused(
        f"{path.name!r} is neither a module (.py) nor a notebook (.ipynb). Fix: name one of them; definitions are .yaml"
    )


def load_module(drafting: Drafting, path: Path, replace: bool, name: str = "", file: str = "") -> Deployed:
    """Load one module; see `load`.

    Args:
        drafting: Takes what it defines.
        path: Where it is.
        replace: Whether what another file has defined may be replaced.
        name: What Python calls it; its stem if unset.
        file: What it is called by what it defines; its path from here if unset.
    """
    name, text = name or path.stem, text_of(path)
    module, before = _module(path, name), sys.modules.get(name)
    if name.partition(".")[0] in sys.stdlib_module_names or (
        before is not None and not hasattr(before, _LOADED) and getattr(before, "__file__", "") != module.__file__
    ):
        raise DeployRefused(
            f"{path.name} would take the place of the module {name.partition('.')[0]!r}, which Python has imported. "
            f"Fix: rename the file."
        )
    # Type annotations are looked up in the module by its name, so it must be there while its classes are made.
    sys.modules[name] = module
    try:
        source = Source(Origin("file", file=file or file_name(path), loaded=True), text)
        with drafting.scope(source, lambda cls: cls.__module__ == name, replace=replace) as draft:
            exec(_compiled(text, str(path)), module.__dict__)
    except BaseException:
        _restore(name, before)
        raise
    assert draft.deployed is not None
    return draft.deployed


def _module(path: Path, name: str) -> ModuleType:
    """An empty module that imports what is beside it as Python has it do."""
    module = ModuleType(name)
    module.__file__ = str(path.resolve())
    module.__package__ = name.rpartition(".")[0]
    if path.name == "__init__.py":
        module.__package__, module.__path__ = name, [str(path.resolve().parent)]
    setattr(module, _LOADED, True)
    return module


def _restore(name: str, before: ModuleType | None) -> None:
    if before is None:
        sys.modules.pop(name, None)
    else:
        sys.modules[name] = before


def text_of(path: Path) -> str:
    """The text of a module, by the encoding that it declares (PEP 263), else UTF-8.

    Raises:
        DeployRefused: It is no text, or larger than a module may be.
    """
    if (size := path.stat().st_size) > MOST_BYTES:
        raise DeployRefused(
            f"{path.name} has {size:,} bytes of at most {MOST_BYTES:,}. Nothing of it went live. "
            f"Fix: keep services in it, and data in a file of its own."
        )
    taken = path.read_bytes()
    if b"\0" in taken:
        raise DeployRefused(f"{path.name} is no text. Nothing of it went live. Fix: take the module's source.")
    try:
        return decode_source(taken)
    except (UnicodeDecodeError, SyntaxError) as exc:
        try:
            taken.decode("utf-8")
        except UnicodeDecodeError as broken:
            why = f"{path.name} is not UTF-8 text (byte {broken.start})"
        else:
            why = f"{path.name} is not in the encoding that it declares ({exc})"
        raise DeployRefused(f"{why}. Nothing of it went live. Fix: save it as UTF-8.") from exc


def _compiled(text: str, name: str) -> Any:
    try:
        return compile(text, name, "exec")
    except SyntaxError as exc:
        raise DeployRefused(
            f"{name} does not parse: {exc.msg} (line {exc.lineno}). Nothing of it went live. Fix: correct that line."
        ) from exc


def _load_notebook(drafting: Drafting, path: Path, replace: bool) -> Deployed:
    """Run a notebook's code cells; each good cell goes live by itself, as when a person runs them."""
    module = ModuleType(f"__main__.{path.stem}")
    vars(module).update(at_hand(), wb=LOADER.get())
    sys.modules[module.__name__] = module
    versions, definitions, said = [], [], list[str]()
    missing: dict[str, list[str]] = {}
    origin = Origin("file", file=file_name(path), loaded=True)
    for number, cell_id, text, may_raise in code_cells(path):
        name = f"{path.name}, cell {number}"
        if _has_magic(text):
            raise DeployRefused(f"{name} has a magic, which only IPython runs. Fix: workbench serve {path.name}")
        linecache.cache[name] = (len(text), None, text.splitlines(True), name)
        try:
            with drafting.scope(
                Source(structs.replace(origin, cell_id=cell_id), text), _bound_in(module), replace=replace
            ) as draft:
                exec(_compiled(text, name), module.__dict__)
        except Exception:
            if may_raise:
                continue
            raise
        assert draft.deployed is not None
        versions += draft.deployed.versions
        definitions += draft.deployed.definitions
        missing |= draft.deployed.missing
        said += draft.deployed.said
    return Deployed(versions, definitions, missing, said)


def _has_magic(text: str) -> bool:
    """Whether a cell is no Python because of a magic; a line of a string may begin like one."""
    if text.lstrip().startswith("%%"):
        return True
    try:
        tree_of(text)
    except SyntaxError as exc:
        line = "".join(text.splitlines()[(exc.lineno or 1) - 1 :][:1])
        return line.lstrip().startswith(("%", "!"))
    return False


def _bound_in(module: ModuleType) -> Any:
    return lambda cls: vars(module).get(cls.__name__) is cls


class CodeCell(NamedTuple):
    """A code cell: its number from 1 over all cells, its id in the file ('' in files before nbformat 4.5), its text,
    and whether its author says that it raises.
    """

    number: int
    cell_id: str
    text: str
    may_raise: bool


def code_cells(path: Path) -> Iterator[CodeCell]:
    """Each code cell that is neither scratch paper nor there for tests alone."""
    try:
        cells = cells_of(path.read_bytes())
    except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
        raise DeployRefused(
            f"{path.name} is no notebook: {exc}. Nothing of it went live. "
            f"Fix: mend its JSON as text, or take it from version control."
        ) from exc
    for number, cell in enumerate(cells, 1):
        if cell.is_served:
            yield CodeCell(number, cell.id, cell.text, "raises-exception" in cell.tags)
