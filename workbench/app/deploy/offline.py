"""Files of definitions against what a notebook's store keeps while nothing runs it; in force once it runs again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from workbench.app.configuration.environment import store_url
from workbench.app.configuration.secrets import FoundSecrets
from workbench.app.configuration.settings import take_files
from workbench.app.deploy.applying import with_named_secrets
from workbench.app.deploy.clicks import Click, KeptClicks
from workbench.app.deploy.folders.finding import files_in
from workbench.app.deploy.manifests import writing
from workbench.app.deploy.manifests.comparing import Change, Compared, differing
from workbench.app.deploy.manifests.reading import Item, manifest_of
from workbench.app.serving.runtime_file import running
from workbench.core.clock import SystemClock
from workbench.core.errors import WorkbenchError
from workbench.core.origin import Origin
from workbench.stores.opening import is_there, open_store

Key = tuple[str, str]


class Offline:
    """What is kept for one notebook.

    What its cells define is known once it runs; they have the last word then.

    Args:
        notebook: Its file; or a module, or a folder that is served as a whole.

    Raises:
        WorkbenchError: It is not there, it runs, it is a folder with nothing to serve, or its store keeps nothing.
    """

    def __init__(self, notebook: Path) -> None:
        path = notebook.resolve()
        if not path.exists():
            raise WorkbenchError(f"There is no notebook {str(notebook)!r}. Fix: correct the path.")
        if any(Path(each.path).resolve() == path for each in running()):
            raise WorkbenchError(f"{notebook} runs. Fix: ask it, with --app {path.name} in place of --notebook.")
        if path.is_dir():
            files_in(path, str(notebook))
        self._folder = path if path.is_dir() else path.parent
        take_files(self._folder)
        url = store_url(self._folder)
        if url.startswith("memory:"):
            raise WorkbenchError(f"The store of {notebook} is memory://, which keeps nothing. Fix: set another store.")
        self._is_there = is_there(url)
        self._url, self._app = url, path.name
        self._environ = FoundSecrets(self._folder, lambda: False).variable

    def _kept(self) -> KeptClicks:
        return KeptClicks(open_store(self._url), self._app, lambda collection: collection)

    def _clicks(self) -> dict[Key, Click]:
        found = list(self._kept().all()) if self._is_there else []
        return {(each.definition.collection, each.definition.full_name): each for each in found}

    def _file_name(self, path: Path) -> str:
        """What origins of this notebook call a file: its kernel runs in the notebook's folder."""
        path = path.resolve()
        return str(path.relative_to(self._folder) if path.is_relative_to(self._folder) else path)

    def diff(self, path: Path, shown: str) -> Compared:
        """What a file says otherwise than what is kept; raises WrongManifest."""
        clicks = self._clicks()
        found = manifest_of(path, shown, self._environ)
        there = {(each.definition.collection, each.definition.full_name) for each in found.items}
        gone = [
            Change("gone", each.definition)
            for key, each in clicks.items()
            if each.origin.applied and each.origin.file == self._file_name(path) and key not in there
        ]
        return Compared([_change(each, clicks) for each in found.items] + gone, found.said)

    def apply(self, path: Path, shown: str, *, prune: bool) -> Compared:
        """Keep what a file says, so that it is in force when the notebook runs; raises WrongManifest."""
        (changes, said), kept = self.diff(path, shown), self._kept()
        origin, now = Origin("file", file=self._file_name(path), applied=True), SystemClock().now()
        for each in changes:
            if each.word in ("new", "changed", "unchanged"):
                kept.keep(Click(each.definition, each.definition.collection, now, origin))
            elif prune:
                kept.drop(each.definition)
        done = [each._replace(word="removed") if prune and each.word == "gone" else each for each in changes]
        return Compared(done, said)

    def export(self, form: writing.Form) -> tuple[str, Sequence[str]]:
        """What is kept, as a file, and what the file could not say."""
        named, said = with_named_secrets(each.definition for each in self._clicks().values())
        return writing.text_of(named, f"Definitions that are kept for {self._app}", form), said


def _change(item: Item, clicks: Mapping[Key, Click]) -> Change:
    definition = item.definition
    before = clicks.get((definition.collection, definition.full_name))
    if before is None:
        return Change("new", definition, item.line)
    if before.definition == definition:
        return Change("unchanged", definition, item.line)
    return Change("changed", definition, item.line, differing(before.definition, definition))
