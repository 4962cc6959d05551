"""`workbench share`, `open` and `git`: notebooks that travel."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from typer import Argument, Exit, Option

from workbench.core.errors import WorkbenchError

if TYPE_CHECKING:
    from packaging.requirements import Requirement


def share(
    notebook: Annotated[str, Argument(help="The notebook.")],
    to: Annotated[
        str, Option(metavar="FOLDER|FILE.zip", help="What is written; the notebook's name with .zip if unset.")
    ] = "",
    more: Annotated[list[str] | None, Option("--with", metavar="PATH", help="A file or folder that it needs.")] = None,
    remove: Annotated[list[str] | None, Option(metavar="N|all", help="Take a value out that may be a secret.")] = None,
    name: Annotated[
        list[str] | None, Option(metavar="N=NAME", help='Write secret("NAME") in place of such a value.')
    ] = None,
    none: Annotated[list[str] | None, Option(metavar="N|all", help="Such a value is no secret.")] = None,
    replace: Annotated[bool, Option("--replace", help="Replace what is there.")] = False,
    as_json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> Any:
    """Pack a notebook for others: without secrets, run in a clean kernel, with all that it needs and a page to read."""
    from workbench.cli.reviewing import choices, review
    from workbench.sharing.names import portable
    from workbench.sharing.packing import share

    path = Path(notebook)
    if not path.is_file():
        raise WorkbenchError(f"There is no notebook {notebook!r}. Fix: correct the path.")
    target = Path(to) if to else Path(f"{portable(path.name).removesuffix('.ipynb')}.zip")
    given = choices(remove or [], name or [], none or [])
    asks = sys.stdin.isatty() and not as_json
    made = share(path, target, lambda found: review(found, given, asks), [Path(each) for each in more or ()], replace)
    if as_json:
        return made._asdict()
    lines = [f"Packed {made.path}: {', '.join(made.files)}."]
    lines += (
        [f"Taken out: {made.removed} of what may be secrets. Your own notebook still has them."] if made.removed else []
    )
    cells = ", ".join(map(str, made.changes))
    lines += [f"Without outputs, since each run shows others: cells {cells}."] if made.changes else []
    return "\n".join([*lines, f"It is opened with: workbench open {shlex.quote(str(made.path))}"])


def open_package(
    what: Annotated[str, Argument(help="A notebook, a folder, a ZIP file, or the address of a notebook or ZIP file.")],
    to: Annotated[str, Option(metavar="FOLDER", help="Where it is unpacked; a folder of its name if unset.")] = "",
    yes: Annotated[bool, Option("--yes", "-y", help="Open it without asking.")] = False,
    test: Annotated[bool, Option("--test", help="Run it as a test, in place of JupyterLab.")] = False,
    here: Annotated[bool, Option("--here", help="Use this Python, whatever versions it has.")] = False,
    no_browser: Annotated[bool, Option("--no-browser", help="Do not open a browser.")] = False,
) -> None:
    """Open what another has shared: shows what is in it, asks, and opens it in JupyterLab, connections at stand-ins."""
    from workbench.sharing import opening

    arriving = opening.Opening(what, Path(to) if to else None)
    with arriving as package:
        print(opening.said(package), flush=True)
        if not yes and not _agreed(test):
            raise Exit(1)
        notebook = arriving.keep(package)
    python = _python(package.requirements, bool(package.lacks) and not here)
    if test:
        raise Exit(opening.test(python, notebook))
    opening.lab(python, notebook, ["--no-browser"] if no_browser else [])


def _agreed(test: bool) -> bool:
    """Whether a person says yes."""
    if not sys.stdin.isatty():
        raise WorkbenchError("Nobody can be asked here, so nothing was opened. Fix: look at the above, and add --yes.")
    return input(f"{'Run' if test else 'Open'} it? [y/N] ").strip().lower() in ("y", "yes")


def _python(requirements: Sequence[Requirement], is_lacking: bool) -> Path:
    """The Python to run it in; one is made where this one lacks something."""
    from workbench.sharing import python

    if not is_lacking:
        return Path(sys.executable)
    if (made := python.made_before(requirements)) is not None:
        return made
    print("Making an environment; the first time takes a minute or two.", flush=True)
    return python.make(requirements)


def git(
    action: Annotated[Literal["install", "remove"], Argument(help="What to do.", show_default=False)],
    folder: Annotated[str, Argument(help="A folder of the repository.")] = ".",
) -> str:
    """Keep notebooks clean in a git repository: no outputs, no counts, one form, so that differences are small."""
    from workbench.sharing import git

    if action == "remove":
        return f"The filter is gone from this clone and {git.remove(Path(folder))}."
    return (
        f"git cleans notebooks as they are added, in this clone; {git.install(Path(folder))} says which.\n"
        "Files on disk stay as they are. Outputs stay out of git, but of cells tagged keep_output.\n"
        "Those that are there already: git add --renormalize . && git commit"
    )


def git_filter() -> None:
    """Clean a notebook from standard input to standard output, for git; what is no notebook passes as it is."""
    from workbench.sharing.cleaned import NotCleanable, cleaned

    contents = sys.stdin.buffer.read()
    try:
        clean = cleaned(contents)
    except NotCleanable as exc:
        # To refuse it would keep a person from adding what they may be about to mend.
        print(f"workbench: git gets a notebook as it is. {exc}", file=sys.stderr)
        clean = contents
    sys.stdout.buffer.write(clean)
    sys.stdout.buffer.flush()
