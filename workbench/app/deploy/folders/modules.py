"""The modules of a folder as text, in an order in which each comes after those that it imports."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator
from pathlib import Path

from workbench.app.deploy import loading
from workbench.app.deploy.folders.asked import Asked, Import, has_reserved_name, is_python_2
from workbench.app.deploy.folders.finding import MODULE, Found, module_name, places
from workbench.core.errors import WorkbenchError
from workbench.core.source import tree_of


class Module:
    """One module: its text and what it asks for, or what is wrong with it.

    Args:
        path: Where it is.
        folder: The folder that is read.
    """

    def __init__(self, path: Path, folder: Path) -> None:
        self.path, self.file = path, path.relative_to(folder).as_posix()
        self.name = module_name(path, folder)
        self.text, self.wrong = "", ""
        self.asked: Asked | None = None
        try:
            self.text = loading.text_of(path)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of "\d" and the like: running it says so
                self.asked = Asked(tree_of(self.text))
        except WorkbenchError as exc:
            self.wrong = str(exc).replace(path.name, self.file, 1)
        except OSError as exc:
            self.wrong = f"{self.file} cannot be read: {str(exc.strerror).lower()}. Fix: let it be read."
        except SyntaxError as exc:
            self.wrong = self._unparsed(exc)
        except (RecursionError, MemoryError):
            self.wrong = f"{self.file} is nested too deeply for Python. Fix: take it apart."

    def _unparsed(self, error: SyntaxError) -> str:
        lines = self.text.splitlines()
        line = lines[error.lineno - 1] if error.lineno and error.lineno <= len(lines) else ""
        where = f"{self.file}, line {error.lineno}"
        if is_python_2(line):
            fix = f"convert it to Python 3, as `2to3 -w {self.path.name}` of Python 3.12 or older does"
            return f"{where}: this is Python 2, {line.strip()[:80]!r}. Fix: {fix}."
        if has_reserved_name(line):
            fix = "give what is called async or await another name, as async_"
            return f"{where}: since Python 3.7 nothing can have that name, {line.strip()[:80]!r}. Fix: {fix}."
        return f"{where}: Python does not understand it: {error.msg}. Fix: correct that line."

    @property
    def is_helper(self) -> bool:
        """Whether it can have no service and defines nothing: others import it, and it is not run by itself."""
        assert self.asked is not None
        defines = any(each.module.startswith("workbench") for each in self.asked.imports)
        return not self.asked.has_classes and not defines


class Modules:
    """All modules of a folder.

    Args:
        found: What was found in it.
        folder: The folder.
        gone: Files of it that were there before, which others may still import.
    """

    def __init__(self, found: Found, folder: Path, gone: Collection[Path] = ()) -> None:
        self._all = [Module(path, folder) for path in found.modules]
        without = [Module(path, folder) for path in gone if path.suffix == MODULE]
        self._gone = {each.file for each in without}
        self._by_path = {each.path: each for each in (*without, *self._all)}
        self._by_name: dict[str, Module] = {each.name: each for each in (*without, *reversed(self._all))}
        self._packages: set[str] = set()
        for place in reversed(places(found, folder)):
            for each in (*without, *self._all):
                if each.path.is_relative_to(place):
                    parts = each.path.relative_to(place).with_suffix("").parts
                    parts = parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts
                    self._by_name[".".join(parts)] = each
                    if each.file not in self._gone:
                        self._packages |= {".".join(parts[:end]) for end in range(1, len(parts))}

    def __iter__(self) -> Iterator[Module]:
        return iter(self._all)

    @property
    def set_names(self) -> frozenset[str]:
        """Names that their classes have, or set on themselves."""
        return frozenset().union(*(each.asked.set_names for each in self._all if each.asked is not None))

    @property
    def imported(self) -> set[str]:
        """The files that others of the folder import."""
        return {each.file for module in self._all for each in self._imported_by(module)}

    def that_need(self, files: Collection[str]) -> set[str]:
        """These files, and all modules that import one of them, or import one that does."""
        found = set(files)
        while (
            more := {each.file for each in self._all if found & {one.file for one in self._imported_by(each)}} - found
        ):
            found |= more
        return found

    def has(self, name: str) -> bool:
        """Whether the folder has a module or package of that name."""
        found = self._by_name.get(name)
        return (found is not None and found.file not in self._gone) or name in self._packages

    def ordered(self) -> list[Module]:
        """All that are there, each after those that it imports where that is no circle; else by their paths."""
        ordered: dict[str, Module] = {}
        begun = set[str]()
        for each in self._all:
            waiting = [each]
            while waiting:
                module = waiting[-1]
                wanted = [] if module.file in begun else self._imported_by(module)
                begun.add(module.file)
                if further := [other for other in wanted if other.file not in begun]:
                    waiting += reversed(further)
                else:
                    ordered.setdefault(waiting.pop().file, module)
        return [each for each in ordered.values() if each.file not in self._gone]

    def _imported_by(self, module: Module) -> list[Module]:
        found = list[Module]()
        for one in module.asked.imports if module.asked is not None else ():
            if one.level:
                found += self._beside(module, one)
                continue
            parts = one.module.split(".")
            names = [".".join(parts[:end]) for end in range(1, len(parts) + 1)]
            names += [f"{one.module}.{name}" for name in one.names]
            found += [self._by_name[name] for name in names if name in self._by_name]
        return sorted((each for each in found if each is not module), key=lambda each: each.file)

    def _beside(self, module: Module, one: Import) -> Iterator[Module]:
        """Modules of a relative import."""
        place = module.path.parents[min(one.level, len(module.path.parents)) - 1].joinpath(*one.module.split("."))
        for path in (place.with_suffix(".py"), *(place / f"{name}.py" for name in one.names)):
            if (found := self._by_path.get(path)) is not None:
                yield found
