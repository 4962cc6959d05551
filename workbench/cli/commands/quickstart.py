"""`workbench quickstart`: a folder that serves."""

from __future__ import annotations

from typing import Annotated, Any

from typer import Argument, Option

from workbench.cli.actions import port_of


def quickstart(
    words: Annotated[
        list[str],
        Argument(metavar="DIR [sqlite | postgresql URL] [redis HOST PORT]", help="Where to, and what services reach."),
    ],
    servers: Annotated[int, Option(metavar="N", min=1, max=64, help="How many processes serve.")] = 2,
    port: Annotated[
        int | None, Option(parser=port_of, metavar="PORT", help="Their one port; 11223 if it is not given.")
    ] = None,
    folder: Annotated[
        str | None, Option(metavar="FOLDER", help="A folder of services that the notebook loads, and follows.")
    ] = None,
    as_json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> Any:
    """Make a folder with a starter notebook, its tests, and scripts that serve it by several processes."""
    from workbench.cli.quickstart import asked, making

    told = making.make(asked.read(words), servers, port, folder)
    return told if as_json else making.said(told)
