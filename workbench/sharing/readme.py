"""What a package says of itself, for a person who has never heard of the workbench."""

from __future__ import annotations

from workbench.sharing.flow import Flow
from workbench.testing.saved import WrittenCell, heading_of


def readme(name: str, cells: list[WrittenCell], flow: Flow, files: list[str]) -> str:
    """The text of README.md.

    Args:
        name: The notebook's file.
        cells: Its cells.
        flow: What goes where in it.
        files: Further files of the package.
    """
    headings = (heading_of(each.text) for each in cells if each.cell_type == "markdown")
    title = next((each for each in headings if each), name)
    tests = sum(each.is_test for each in cells)
    tested = f"; {tests} of its cells are tests" if tests else ""
    said = [f"- `{box.name}`: {box.says or 'a service'}" for box in flow.services.values()]
    said += [f"- {way.kind} {way.name!r}{f' at {way.where}' if way.where else ''}" for way in flow.ways_out.values()]
    secrets = ", ".join(f"`{each}`" for each in flow.secrets)
    lines = [
        f"# {title}",
        "",
        f"`{name}` and all that it needs. To read it, open `index.html` in any browser; nothing runs there.",
        "",
        "## Run it",
        "",
        "```sh",
        "pip install notebook-workbench",
        "workbench open .            # shows what is in it, and asks; then JupyterLab, every connection at a stand-in",
        "workbench open . --test     # runs it as a test instead",
        "```",
        "",
        "No account is needed: whatever it calls is played on this machine.",
        *(["", "## What is in it", "", *said] if said else []),
        "",
        "## Files",
        "",
        f"- `{name}`: the notebook, with what it showed in a clean kernel{tested}",
        "- `environment.yml`: what it needs to be installed",
        "- `index.html`: the notebook as a page",
        *(f"- `{each}`" for each in files),
    ]
    if secrets:
        lines += [
            "",
            "## Real accounts",
            "",
            f"It reads these from the environment or a file `.env` beside it: {secrets}.",
        ]
    return "\n".join([*lines, ""])
