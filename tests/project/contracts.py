"""Two kinds of import-linter contract: a library that only some modules may import, and a room's third parties."""

from __future__ import annotations

import sys
from fnmatch import fnmatchcase
from typing import Any

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
