"""`workbench git` and `workbench git-filter`: notebooks that travel."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

from typer import Argument


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
