"""`workbench import-zato`: a folder of Zato's services and definitions, tried here or made live in a workbench."""

from __future__ import annotations

import json
import os
import shlex
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Exit, Option

from workbench.core.errors import WorkbenchError


def import_zato(
    folder: Annotated[str, Argument(help="Services (.py) and enmasse files (.yaml, .json), at any depth.")],
    report: Annotated[
        str,
        Option("--report", metavar="FILE", help="Write the same as a page for a browser; it replaces what is there."),
    ] = "",
    app: Annotated[
        str, Option("--app", metavar="NAME", help="Make it live in this workbench, in place of trying it apart.")
    ] = "",
    as_json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> Any:
    """Say what of a folder runs here, what differs, and what is missing: 0 if all is live, 1 if anything is not.

    Without --app it is tried in a workbench of its own, whose connections all lead to stand-ins: modules run, as they
    do when they are deployed, services are not called, and nothing stays.
    """
    if report and (Path(report).is_dir() or not Path(report).parent.is_dir()):
        raise WorkbenchError(f"No page can be written to {report!r}. Fix: name a file in a folder that is there.")
    told = _made_live(folder, app) if app else _tried(folder)
    lines = told.pop("lines")
    if report:
        from workbench.cli.commands.import_page import page_of

        Path(report).write_text(page_of(told), encoding="utf-8")
    if as_json:
        print(json.dumps(told))
    else:
        print("\n".join([*lines, *_next(told, folder, app), *([f"Wrote {report}."] if report else [])]))
    if not told["whole"]:
        raise Exit(1)


def _tried(folder: str) -> dict[str, Any]:
    """What becomes of it in a workbench of its own. What its modules print goes to standard error."""
    with redirect_stdout(sys.stderr):
        from workbench.app.configuration.settings import take_files
        from workbench.app.workbench import Workbench
        from workbench.zato.hook import install

        install()
        path, configuration = Path(folder), None
        if path.is_dir():
            # Of its files what services ask for, and no port, store or account.
            taken, configuration, _ = take_files(path)
            for variable in taken:
                del os.environ[variable]
        with Workbench(folder.rstrip("/"), folder=path, port=0, sandbox=True, configuration=configuration) as wb:
            return wb.load_folder(path).told()


def _made_live(folder: str, app: str) -> dict[str, Any]:
    from workbench.app.serving.asking import ask
    from workbench.app.serving.choosing import chosen

    sent = {"path": str(Path(folder).resolve()), "shown": folder}
    return dict(ask(chosen(app), "POST", "/workbench/import", sent))


def _next(told: dict[str, Any], folder: str, app: str) -> list[str]:
    """Where it is live now, and how it stays."""
    if app:
        return [f"Live in {app} until that ends. To have it there each time: wb.load({folder!r}) in a cell."]
    if not told["services"]:
        return []
    said = "Tried in a workbench of its own, with stand-ins for connections; nothing stays."
    return [f"{said} To serve it: workbench serve {shlex.quote(folder)}"]
