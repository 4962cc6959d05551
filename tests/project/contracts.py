"""Our own kinds of import-linter contract: who may import a library, what a room imports, and how kinds are built."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, cast

import grimp
from importlinter import Contract, ContractCheck, fields, output


class _Imports(Contract):
    """A contract about direct imports; broken ones are listed with their lines."""

    def _check(self, graph: grimp.ImportGraph, broken: list[tuple[str, str]]) -> ContractCheck:
        lines = [
            f"{importer} imports {imported} (line {each['line_number']})"
            for importer, imported in sorted(broken)
            for each in graph.get_import_details(importer=importer, imported=imported)
        ]
        return ContractCheck(kept=not lines, metadata={"lines": lines})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print the imports that broke it."""
        for line in check.metadata["lines"]:
            output.print_error(line)


class OnlyImporters(_Imports):
    """Only the modules whose names match `importers` (shell patterns) import `libraries`."""

    type_name = "only"

    libraries = fields.ListField(subfield=fields.StringField())
    importers = fields.ListField(subfield=fields.StringField())

    def check(self, graph: grimp.ImportGraph, verbose: bool) -> ContractCheck:
        """Judge every direct import of a library."""
        patterns: Any = self.importers
        libraries: Any = self.libraries
        known = graph.modules.intersection(libraries)
        importers = [(each, library) for library in known for each in graph.find_modules_that_directly_import(library)]
        return self._check(graph, [pair for pair in importers if not any(fnmatchcase(pair[0], p) for p in patterns)])


class ThirdParty(_Imports):
    """A room imports the standard library, its own distribution and `libraries`, nothing else."""

    type_name = "third_party"

    room = fields.StringField()
    libraries = fields.ListField(subfield=fields.StringField())

    def check(self, graph: grimp.ImportGraph, verbose: bool) -> ContractCheck:
        """Judge every direct import made in the room."""
        room: Any = self.room
        libraries: Any = self.libraries
        allowed = {*libraries, *sys.stdlib_module_names, room.partition(".")[0]}
        members = {room, *graph.find_descendants(room)}
        imports = [(each, found) for each in members for found in graph.find_modules_directly_imported_by(each)]
        return self._check(graph, [pair for pair in imports if pair[1].partition(".")[0] not in allowed])


class _OfKinds(_Imports):
    """A contract about the kinds of a room: its files and folders that are not in `shared`; a new one needs no line.

    Each of `exceptions` reads `importer -> imported`, below the room. One that excepts nothing breaks the contract.
    """

    room = fields.StringField()
    exceptions = fields.ListField(subfield=fields.StringField(), required=False, default=[])

    def _imports(self, graph: grimp.ImportGraph) -> Iterator[tuple[str, str]]:
        """Every import within the room, by names below it."""
        room: Any = self.room
        for importer in graph.find_descendants(room) if room in graph.modules else ():
            for imported in graph.find_modules_directly_imported_by(importer):
                if imported.startswith(f"{room}."):
                    yield importer.removeprefix(f"{room}."), imported.removeprefix(f"{room}.")

    def _judged(self, graph: grimp.ImportGraph, broken: list[tuple[str, str]]) -> ContractCheck:
        room: Any = self.room
        exceptions: Any = self.exceptions
        told = {each: self._excepted(*each) for each in broken}
        left = [each for each, said in told.items() if said not in exceptions]
        check = self._check(graph, [(f"{room}.{importer}", f"{room}.{imported}") for importer, imported in left])
        here = {each.removeprefix(f"{room}.") for each in graph.modules}
        idle = [each for each in exceptions if here.issuperset(each.split(" -> ")) and each not in told.values()]
        lines = [*check.metadata["lines"], *(f"the exception {each!r} is no longer needed" for each in idle)]
        return ContractCheck(kept=not lines, metadata={"lines": lines})

    def _excepted(self, importer: str, imported: str) -> str:
        """How an exception says it."""
        return f"{importer} -> {imported}"


class Independent(_OfKinds):
    """The kinds of a room do not import each other, and what they share, in `shared`, imports none of them."""

    type_name = "independent"

    shared = fields.ListField(subfield=fields.StringField())

    def check(self, graph: grimp.ImportGraph, verbose: bool) -> ContractCheck:
        """Judge every direct import within the room."""
        shared: Any = self.shared
        found = ((pair, [each.partition(".")[0] for each in pair]) for pair in self._imports(graph))
        return self._judged(graph, [pair for pair, (a, b) in found if a != b and b not in shared])

    def _excepted(self, importer: str, imported: str) -> str:
        return f"{importer.partition('.')[0]} -> {imported.partition('.')[0]}"


class ReadFromTheFirst(_OfKinds):
    """Within each kind, a file named in `words` imports only those of its kind that are named before it."""

    type_name = "order"

    words = fields.ListField(subfield=fields.StringField())

    def check(self, graph: grimp.ImportGraph, verbose: bool) -> ContractCheck:
        """Judge every direct import between two files of one kind."""
        words: Any = [*cast("list[str]", self.words)]
        broken = []
        for importer, imported in self._imports(graph):
            (kind, _, word), (other, _, before) = importer.partition("."), imported.partition(".")
            if kind == other and {word, before} <= {*words} and words.index(before) > words.index(word):
                broken.append((importer, imported))
        return self._judged(graph, broken)
