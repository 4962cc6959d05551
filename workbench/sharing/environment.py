"""What a notebook needs to be installed: read from its imports, written as environment.yml, and compared with what is
there.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, metadata, packages_distributions, requires, version
from pathlib import Path
from typing import NamedTuple, TypeGuard

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from workbench.core.errors import WorkbenchError
from workbench.sharing.secrets import tree_of
from workbench.testing.lint.notebook import Notebook

OURS = "notebook-workbench"
FILE = "environment.yml"
EXTRAS = {
    "ftp": ("peers",),
    "imap": ("imap",),
    "s3": ("s3", "peers"),
    "sftp": ("sftp", "peers"),
    "sql": ("sql",),
    "soap": ("soap",),
    "SOAPChannel": ("soap",),
    "wb.fuzz": ("fuzz",),
}
"""What the workbench itself needs besides, by kind of connection, class of channel, or what is asked of `wb`."""
_NOT_INSTALLED = frozenset(("python", "pip"))
_CONDA_PIN = re.compile(r"^(?P<name>[\w.-]+)\s*=\s*(?P<version>[\w.*]+)$")


class Needed(NamedTuple):
    """What a notebook needs: requirements of pip, modules that lie beside it, and imports that nothing here has."""

    requirements: list[str]
    modules: list[Path]
    missing: list[str]


def needed(notebook: Notebook, folder: Path) -> Needed:
    """What a notebook of this folder needs, as it is installed here; modules beside it are read, too."""
    trees = [cell.tree for cell in notebook.cells]
    found, modules, missing, seen = set[str](), list[Path](), set[str](), set[str]()
    distributions = packages_distributions()
    while trees:
        for name, must in _imports(trees.pop()):
            if name in seen or name in sys.stdlib_module_names or name in ("workbench", "zato"):
                continue
            seen.add(name)
            if local := _beside(folder, name):
                modules += local
                texts = (each.read_text(encoding="utf-8", errors="replace") for each in local if each.suffix == ".py")
                trees += [tree for text in texts if (tree := tree_of(text)) is not None]
            elif name in distributions:
                found.update(distributions[name])
            elif must:
                missing.add(name)
    others = sorted({canonicalize_name(each) for each in found} - {OURS})
    pinned = [f"{each}=={Version(version(each)).public}" for each in others]
    return Needed([_ours(notebook), *pinned], modules, sorted(missing))


def _ours(notebook: Notebook) -> str:
    used = {notebook.kinds.get(each.cls, each.cls) for each in notebook.made}
    used |= {f"wb.{node.attr}" for cell in notebook.cells for node in ast.walk(cell.tree) if _is_of_wb(node)}
    extras = ",".join(sorted({extra for each in used for extra in EXTRAS.get(each, ())}))
    return f"{OURS}[{extras}]>={version(OURS)}" if extras else f"{OURS}>={version(OURS)}"


def _is_of_wb(node: ast.AST) -> TypeGuard[ast.Attribute]:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "wb"


def _imports(tree: ast.AST, must: bool = True) -> Iterator[tuple[str, bool]]:
    """Top-level modules that code imports, and whether it must have them: what `try` surrounds, it can do without."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((each.name.partition(".")[0], must) for each in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.partition(".")[0], must
        yield from _imports(node, must and not isinstance(node, ast.Try))


def _beside(folder: Path, name: str) -> list[Path]:
    """The files of a module or package in a folder."""
    if (file := folder / f"{name}.py").is_file():
        return [file]
    package = folder / name
    if not (package / "__init__.py").is_file():
        return []
    return [each for each in sorted(package.rglob("*")) if each.is_file() and "__pycache__" not in each.parts]


def text_of(requirements: Iterable[str], name: str) -> str:
    """The text of environment.yml, which conda and `workbench open` read."""
    python = metadata(OURS)["Requires-Python"] or ">=3.11"
    bounds = ",".join(sorted(python.replace(" ", "").split(","), reverse=True))
    word = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "notebook"
    lines = [f"name: {word}", "channels: [conda-forge, nodefaults]", "dependencies:", f"  - python{bounds}", "  - pip"]
    return "\n".join([*lines, "  - pip:", *(f"      - {each}" for each in requirements), ""])


def requirements_in(folder: Path) -> list[Requirement]:
    """What the environment.yml, or else requirements.txt, of a folder asks for.

    Raises:
        WorkbenchError: A line is no package by its name, as an address is.
    """
    if (file := folder / FILE).is_file():
        items = [each for line in _lines(file) if (each := line.strip()).startswith(("- ", "-\t"))]
        lines = [each.removeprefix("-") for each in items]
    elif (file := folder / "requirements.txt").is_file():
        lines = _lines(file)
    else:
        return []
    found = []
    for line in filter(None, (each.partition("#")[0].strip() for each in lines)):
        text = _CONDA_PIN.sub(r"\g<name>==\g<version>", line.strip("\"'"))
        if text in ("pip:", ".") or re.match(r"(python|pip)\b(?!-)", text):
            continue
        try:
            requirement = Requirement(text)
        except InvalidRequirement as exc:
            raise WorkbenchError(_unclear(file, line)) from exc
        if requirement.url:
            raise WorkbenchError(_unclear(file, line))
        found.append(requirement)
    return found


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise WorkbenchError(f"{file.name} cannot be read: {exc}. Fix: save it as UTF-8 text.") from exc


def _unclear(file: Path, line: str) -> str:
    return (
        f"{file.name} asks for {line[:100]!r}, which names no package with its versions. "
        "Fix: name packages as pip knows them, as requests==2.32.5, or install that one yourself and pass --here."
    )


def lacking(requirements: Iterable[Requirement]) -> list[str]:
    """What is not installed in this Python as it is asked for, each in words."""
    return [said for each in requirements if (said := _lacks(each))]


def _lacks(wanted: Requirement, seen: frozenset[tuple[str, str]] = frozenset()) -> str:
    try:
        there = version(wanted.name)
    except PackageNotFoundError:
        return f"{wanted.name} is not installed"
    if not wanted.specifier.contains(there, prereleases=True):
        return f"{wanted.name} is {there}, and {wanted.specifier} is wanted"
    asked = {(canonicalize_name(wanted.name), extra) for extra in wanted.extras} - seen
    for _, extra in sorted(asked):
        for brought in map(Requirement, requires(wanted.name) or ()):
            marker = brought.marker
            is_of_extra = marker is not None and "extra" in str(marker) and marker.evaluate({"extra": extra})
            if is_of_extra and (said := _lacks(brought, seen | asked)):
                return said
    return ""
