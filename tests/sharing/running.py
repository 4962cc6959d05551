"""Commands that start kernels, which take their time on a machine that has other things to do."""

from __future__ import annotations

import subprocess

from tests.cli.conftest import CommandLine, Ran

LONGEST_SECONDS = 300.0


def run(cli: CommandLine, *arguments: str) -> Ran:
    """Run `workbench ...` to its end."""
    return subprocess.run(
        cli.command(*arguments),
        cwd=cli.folder,
        env=cli.env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LONGEST_SECONDS,
        check=False,
    )
