"""`workbench validate`, `diff`, `apply`, `define` and `export`: definitions as files."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from typer import Argument, Exit, Option

from workbench.core.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.core.definition import Definition

DIFFERENT = 2
"""Exit status where a file and what is in force differ."""

OFFLINE = ("diff", "apply", "export")
"""What can be done while nothing runs."""

File = Annotated[str, Argument(metavar="FILE", help="A file of definitions, .yaml.", show_default=False)]
App = Annotated[str, Option("--app", metavar="NAME", help="Which workbench; needed when several run.")]
Notebook = Annotated[
    str,
    Option(
        "--notebook",
        metavar="FILE",
        help="What the store keeps of this notebook, module or served folder, while nothing runs it.",
    ),
]
AsJSON = Annotated[bool, Option("--json", help="Print JSON.")]


def validate(
    file: File,
    app: Annotated[
        str, Option("--app", metavar="NAME", help="Also ask this workbench for the services and users it names.")
    ] = "",
    as_json: AsJSON = False,
) -> Any:
    """Say all that is wrong in a file of definitions, each with its line; asks no workbench."""
    told = _asked("validate", app, _file(file)) if app else _read(file)
    if as_json:
        return told
    _note(told["said"])
    count = len(told["definitions"])
    return f"{file} is valid: {count} definition{'' if count == 1 else 's'}."


def diff(file: File, app: App = "", notebook: Notebook = "", as_json: AsJSON = False) -> Any:
    """Say what a file has otherwise than a running workbench: 0 if nothing, 2 if anything, 1 for a wrong file."""
    told = _Kept(notebook).diff(Path(file), file) if notebook else _asked("diff", app, _file(file))
    if any(each["word"] != "unchanged" for each in _print(told, as_json)):
        raise Exit(DIFFERENT)


def apply(
    file: File,
    prune: Annotated[
        bool, Option("--prune", help="Remove what this file had at an earlier apply and has no longer.")
    ] = False,
    app: App = "",
    notebook: Notebook = "",
    as_json: AsJSON = False,
) -> Any:
    """Put a file of definitions into force, all or none; it lasts until a cell defines the same.

    What code defines stays as code has it, which is said; the status is then 1. Nothing is removed without --prune.
    """
    if notebook:
        told = _Kept(notebook).apply(Path(file), file, prune=prune)
    else:
        told = _asked("apply", app, _file(file) | {"prune": prune})
    if any(each["word"] == "stays" for each in _print(told, as_json)):
        raise Exit(1)


def define(
    kind: Annotated[str, Argument(help="What it is, as RESTChannel; without it, the kinds there are.")] = "",
    name: Annotated[str, Argument(help="Its name; without it, the fields of the kind.")] = "",
    fields: Annotated[
        list[str] | None, Argument(metavar="[FIELD=VALUE]...", help="Its fields, written as in a file.")
    ] = None,
    app: App = "",
    as_json: AsJSON = False,
) -> Any:
    """Put one definition into force in a running workbench, kept as a click is; or say which kinds and fields exist."""
    if not name:
        rows = _fields_of(kind) if kind else _kinds()
        return rows if as_json else "\n".join(f"{each['name']}: {each['what']}" for each in rows)
    given = [each.partition("=") for each in fields or ()]
    if wrong := [field for field, sign, _ in given if not sign]:
        raise WorkbenchError(f"{wrong[0]!r} is no field with a value. Fix: write it as FIELD=VALUE.")
    sent = {"kind": kind, "name": name, "fields": {field: value for field, _, value in given}}
    if any(each["word"] == "stays" for each in _print(_asked("define", app, sent), as_json)):
        raise Exit(1)


def export(
    file: Annotated[str, Argument(metavar="[FILE]", help="What is written; standard output if unset.")] = "",
    form: Annotated[
        Literal["workbench", "enmasse"], Option("--format", help="Names as in code, or those of Zato's enmasse.")
    ] = "workbench",
    replace: Annotated[bool, Option("--replace", help="Replace a file that is there.")] = False,
    app: App = "",
    notebook: Notebook = "",
    as_json: AsJSON = False,
) -> Any:
    """Write every definition in force in a running workbench as a file; secrets by their names."""
    path = Path(file)
    if file and path.exists() and not replace:
        raise WorkbenchError(f"{file!r} is there already. Fix: add --replace, or choose another name.")
    told = _Kept(notebook).export(form) if notebook else _asked("export", app, {"form": form})
    _note(told["said"])
    if as_json:
        return told
    if not file:
        return told["text"] or "# Nothing is defined."
    path.write_text(told["text"], encoding="utf-8")
    return f"Wrote {file}."


class _Kept:
    """What a notebook's store keeps, told as a running workbench tells what is in force."""

    def __init__(self, notebook: str) -> None:
        from workbench.app.deploy.offline import Offline

        self._offline = Offline(Path(notebook))

    def diff(self, path: Path, shown: str) -> Any:
        from workbench.app.serving.as_code import told

        return told(self._offline.diff(path, shown))

    def apply(self, path: Path, shown: str, *, prune: bool) -> Any:
        from workbench.app.serving.as_code import told

        return told(self._offline.apply(path, shown, prune=prune))

    def export(self, form: Any) -> dict[str, Any]:
        text, said = self._offline.export(form)
        return {"text": text, "said": said}


def _file(file: str) -> dict[str, Any]:
    return {"path": str(Path(file).resolve()), "shown": file}


def _asked(action: str, app: str, sent: dict[str, Any]) -> Any:
    from workbench.app.serving.asking import ask
    from workbench.app.serving.choosing import NothingRuns, chosen

    try:
        target = chosen(app)
    except NothingRuns as exc:
        if action in OFFLINE:
            raise WorkbenchError(f"{exc}; or name what is served then, with --notebook.") from None
        raise
    return ask(target, "POST", f"/workbench/definitions/{action}", sent)


def _print(told: dict[str, Any], as_json: bool) -> list[dict[str, Any]]:
    """Print changes, and give them."""
    changes: list[dict[str, Any]] = told["changes"]
    _note(told["said"])
    if as_json:
        print(json.dumps(changes))
        return changes
    said = [each["said"] for each in changes if each["word"] != "unchanged"]
    same = len(changes) - len(said)
    print("\n".join([*said, f"{same} unchanged."] if same or not said else said))
    return changes


def _note(said: list[str]) -> None:
    for each in said:
        print(f"workbench: {each}", file=sys.stderr)


def _read(file: str) -> dict[str, Any]:
    """The names of a file's definitions, and what has no meaning here; raises WrongManifest."""
    from workbench.app.configuration.secrets import FoundSecrets
    from workbench.app.deploy.manifests.reading import manifest_of

    path = Path(file)
    found = manifest_of(path, file, FoundSecrets(path.parent, lambda: False).variable)
    named = [f"{type(each.definition).__name__} {each.definition.full_name!r}" for each in found.items]
    return {"definitions": named, "said": found.said}


def _kinds() -> list[dict[str, Any]]:
    from workbench.app.deploy.manifests.kinds import kinds

    return [{"name": name, "what": _first_line(of())} for name, of in kinds().items()]


def _first_line(cls: type[Definition]) -> str:
    return (cls.__doc__ or "").strip().partition("\n")[0]


def _fields_of(kind: str) -> list[dict[str, Any]]:
    from workbench.app.deploy.manifests.kinds import kind_of
    from workbench.core.definition import description_of, field_types, required_fields

    cls = kind_of(kind)
    needed = required_fields(cls)
    return [
        {"name": field, "what": f"{description_of(of)}.{' Required.' if field in needed else ''}"}
        for field, of in field_types(cls).items()
        if field != "name"
    ]
