"""Packs a notebook for others: looks for secrets, runs it in clean kernels, and writes a folder or ZIP file."""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from workbench.core.errors import listed
from workbench.core.masking import Masker
from workbench.sharing.bundle import WRITTEN, Bundle, NotShareable, bundle, joined, keeps, known_values, places
from workbench.sharing.cleaned import written
from workbench.sharing.environment import text_of
from workbench.sharing.mending import mended_code, mended_notebook
from workbench.sharing.page import page
from workbench.sharing.readme import readme
from workbench.sharing.rerun import Ran, rerun
from workbench.sharing.secrets import Found, look, mask_of
from workbench.testing.saved import WrittenNotebook

ZIP_DATE = (1980, 1, 1, 0, 0, 0)
"""When each file of a ZIP was changed, so that the same package is the same bytes: the first instant that ZIP knows."""
REMOVE, NONE = "remove", "none"


class Decision(NamedTuple):
    """What becomes of a value that was found: it is removed, it is none, or `name` stands for it."""

    what: str
    name: str = ""


Decide = Callable[[list[Found]], Mapping[int, Decision]]


class Shared(NamedTuple):
    """What was packed: where, its files, what was taken out, and the cells whose outputs are left out."""

    path: Path
    files: list[str]
    removed: int
    changes: list[int]


def share(notebook: Path, target: Path, decide: Decide, more: Iterable[Path] = (), replace: bool = False) -> Shared:
    """Pack a notebook into a folder, or a ZIP file if the target's name says so. The notebook itself stays as it is.

    Args:
        notebook: The notebook.
        target: What is written, as a whole or not at all.
        decide: Asked what becomes of what may be a secret, of a few at once; by their numbers.
        more: Further files and folders that it needs.
        replace: Whether what is there may be replaced.

    Raises:
        NotShareable: Something keeps it from being packed; the message lists all of it.
        NotTestable: It is no notebook.
        RunFailed: A cell fails in a clean kernel.
    """
    more = [*more]
    _check_target(target, replace, [notebook, *more])
    made = bundle(notebook, more)
    known = known_values(made.flow.secrets, notebook.parent)
    if made.needed.missing:
        raise NotShareable(
            f"Nothing installed here brings what it imports: {listed(made.needed.missing)}. "
            "Fix: pip install it, put it beside the notebook, or take the import away."
        )
    found = look(places(made.notebook, made.files), known, made.none)
    decisions = _decided(found, decide)
    none = made.none | {each.value for each in found if decisions[each.number].what == NONE}
    taken = {each.value: decisions[each.number].name for each in found if each.value not in none}
    with tempfile.TemporaryDirectory(prefix="wb-share-") as folder:
        staged = Path(folder, "package")
        _stage(staged, made, taken)
        ran = rerun(staged / made.name, known)
        if ran.unplayed:
            raise NotShareable(
                f'No peer can play {listed(ran.unplayed)}. Fix: give its class a peer, as peer = "rest", '
                "or take the connection out."
            )
        shown = _with_outputs(staged / made.name, made, ran)
        late = look(places(shown, {}), known, {*none, *taken}, len(found) + 1)
        choices = _decided(late, decide)
        none |= {each.value for each in late if choices[each.number].what == NONE}
        taken |= {each.value: "" for each in late if each.value not in none}
        shown = mended_notebook(shown, mask_of(taken))
        _write(staged, made, shown)
        _check_all(staged, made.name, known, none, taken)
        files = sorted(each.relative_to(staged).as_posix() for each in staged.rglob("*") if each.is_file())
        _publish(staged, files, target)
    return Shared(target, files, len(taken), ran.changes)


def _check_target(target: Path, replace: bool, sources: Iterable[Path]) -> None:
    """Raise NotShareable where something is that may not be replaced."""
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    if within := [each for each in sources if each.resolve().is_relative_to(target.resolve())]:
        raise NotShareable(f"{target} holds {within[0].name} itself, which would be lost. Fix: name another by --to.")
    if not replace or (target.is_dir() and not _is_package(target)) or target.is_dir() == (target.suffix == ".zip"):
        fix = "name another by --to" if replace else "name another by --to, or pass --replace"
        raise NotShareable(f"{target} is there already. Fix: {fix}.")


def _is_package(folder: Path) -> bool:
    """Whether a folder is one that was packed: it has what packages have, and nothing hidden, as a repository has."""
    return all((folder / each).is_file() for each in WRITTEN) and not any(folder.glob(".*"))


def _decided(found: list[Found], decide: Decide) -> Mapping[int, Decision]:
    """Decisions on all that was found; raises NotShareable where there are some to be made."""
    decisions = decide(found) if found else {}
    if open_ := [each for each in found if each.number not in decisions]:
        raise NotShareable(
            "\n".join(
                [
                    "What may be secrets would travel:",
                    *(f"  {each}" for each in open_),
                    "Fix: for each say --remove N, --name N=NAME (which secret(NAME) stands for), or --none N; "
                    "--remove all takes out all.",
                ]
            )
        )
    return decisions


def _stage(staged: Path, made: Bundle, taken: Mapping[str, str]) -> None:
    """Write the notebook and its files without what is taken out of them."""
    staged.mkdir()
    masker = mask_of(taken)
    for path, contents in made.files.items():
        file = staged / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_mended_file(path, contents, taken, masker))
    has_import = made.has_import
    for cell in made.notebook["cells"]:
        if cell.get("cell_type") == "code":
            text = joined(cell["source"])
            cell["source"] = mended_code(text, taken, masker, has_import)
    (staged / made.name).write_bytes(written(mended_notebook(made.notebook, masker)))


def _mended_file(path: str, contents: bytes, taken: Mapping[str, str], masker: Masker) -> bytes:
    try:
        text = contents.decode()
    except UnicodeDecodeError:
        latin = contents.decode("latin-1")
        if masker.mask(latin) != latin:
            raise NotShareable(f"{path} holds a secret, and is no text. Fix: leave it out.") from None
        return contents
    if path.endswith(".py"):
        return mended_code(text, taken, masker, has_import=False).encode()
    return masker.mask(text).encode()


def _with_outputs(path: Path, made: Bundle, ran: Ran) -> dict[str, Any]:
    """The notebook with what it showed in a clean kernel. Outputs of cells that keep theirs stay, and no test of it
    compares them, since nothing says that another run shows them.
    """
    notebook: dict[str, Any] = json.loads(path.read_bytes())
    for number, cell in enumerate(notebook["cells"], 1):
        if cell.get("cell_type") == "code" and keeps(cell):
            cell["metadata"]["tags"] = list(dict.fromkeys([*cell["metadata"]["tags"], "ignore-output"]))
        elif cell.get("cell_type") == "code":
            count = list(ran.outputs).index(number) + 1 if number in ran.outputs else None
            counted = {"execution_count": count}
            cell["outputs"] = [
                each | counted if each["output_type"] == "execute_result" else each
                for each in ran.outputs.get(number, ())
            ]
            cell |= counted
    return notebook


def _write(staged: Path, made: Bundle, shown: dict[str, Any]) -> None:
    """Write what a package has: the notebook, its environment, its page, and what to do with it."""
    contents = written(shown)
    (staged / made.name).write_bytes(contents)
    cells = msgspec.json.decode(contents, type=WrittenNotebook).cells or []
    texts = {
        "README.md": readme(made.name, cells, made.flow, sorted(made.files)),
        "index.html": page(cells, made.flow, made.name, staged),
        "environment.yml": text_of(made.needed.requirements, Path(made.name).stem),
    }
    for name, text in texts.items():
        (staged / name).write_text(text, encoding="utf-8", newline="\n")


def _check_all(staged: Path, name: str, known: Mapping[str, str], none: frozenset[str], taken: Iterable[str]) -> None:
    """Look at each file once more, as it is written: nothing that was taken out, and nothing known, may be in it."""
    files = {each.relative_to(staged).as_posix(): each.read_bytes() for each in staged.rglob("*") if each.is_file()}
    ours = {path: files.pop(path) for path in WRITTEN}
    notebook = json.loads(files.pop(name))
    values = {*taken, *known.values()} - none
    found = look(places(notebook, files), {each: each for each in values})
    left = [where for each in found if each.value in values for where in each.where]
    # What we write holds words of our own, as a weak password may be one.
    masker = mask_of(each for each in values if not each.isalpha())
    left += [path for path, each in ours.items() if masker.mask(each.decode()) != each.decode()]
    if left:
        raise NotShareable(
            f'A secret is still in {listed(left)}. Fix: take it out of the notebook; name it by secret("NAME").'
        )


def _publish(staged: Path, files: list[str], target: Path) -> None:
    """Put the package where it is to be, as a whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=".wb-share-", dir=target.parent))
    try:
        made, former = fresh / "made", fresh / "former"
        if target.suffix == ".zip":
            _zip(staged, files, made)
        else:
            shutil.copytree(staged, made)
            if target.is_dir():
                target.rename(former)
        try:
            made.replace(target)
        except OSError:
            if former.exists():
                former.rename(target)
            raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _zip(staged: Path, files: list[str], target: Path) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in files:
            entry = zipfile.ZipInfo(path, ZIP_DATE)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            packed.writestr(entry, (staged / path).read_bytes())
    target.chmod(0o644)
