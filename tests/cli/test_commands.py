"""Every command shows an example that it takes; the kernel and the version of this Python."""

from __future__ import annotations

import json
import os
import platform
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from jupyter_client.kernelspec import KernelSpecManager

import workbench
from tests.cli.conftest import CommandLine
from tests.kernels import ROOT
from workbench.cli.commands.shown import EXAMPLES
from workbench.cli.commands.version import revision
from workbench.cli.main import app

COMMANDS = dict(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
SHOWN = [name for name, each in COMMANDS.items() if not each.hidden]


@pytest.mark.parametrize("name", SHOWN)
def test_every_command_shows_an_example(name: str) -> None:
    assert f"workbench {name}" in (COMMANDS[name].epilog or "")


@pytest.mark.parametrize("example", [each for lines in EXAMPLES.values() for each in lines])
def test_every_example_is_taken_by_its_command(example: str) -> None:
    words = shlex.split(example.partition(" < ")[0])
    assert words[0] == "workbench"
    context = COMMANDS[words[1]].make_context(words[1], words[2:])
    assert context.command.name == words[1]


def test_the_help_of_all_lists_each_command(cli: CommandLine) -> None:
    told = cli.run("--help").stdout
    assert [name for name in SHOWN if f"\n  {name} " not in told] == []


def test_the_version_says_the_revision_and_the_python(cli: CommandLine) -> None:
    told = json.loads(cli.run("version", "--json").stdout)
    assert (told["version"], told["python"]) == (workbench.__version__, platform.python_version())
    assert told["executable"] == sys.executable
    if told["revision"]:
        asked = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, timeout=30)
        assert asked.stdout.startswith(told["revision"])
        assert f"(revision {told['revision']})" in cli.run("version").stdout


def test_a_revision_is_read_of_every_sort_of_repository(tmp_path: Path) -> None:
    assert revision(tmp_path) == ""
    git = tmp_path / ".git"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    assert revision(tmp_path) == ""
    (git / "packed-refs").write_text("# pack-refs with: peeled\n" + "1" * 40 + " refs/heads/main\n")
    assert revision(tmp_path) == "1" * 12
    (git / "refs" / "heads" / "main").write_text("2" * 40 + "\n")
    assert revision(tmp_path) == "2" * 12
    (git / "HEAD").write_text("3" * 40 + "\n")
    assert revision(tmp_path) == "3" * 12
    (git / "worktrees" / "other").mkdir(parents=True)
    (git / "worktrees" / "other" / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "worktrees" / "other" / "commondir").write_text("../..\n")
    other = tmp_path / "other"
    other.mkdir()
    (other / ".git").write_text(f"gitdir: {git / 'worktrees' / 'other'}\n")
    assert revision(other) == "2" * 12


def test_a_kernel_of_this_python_is_installed_for_the_user_and_removed(fresh: CommandLine) -> None:
    data = fresh.folder / "data"
    env = {"JUPYTER_DATA_DIR": str(data)}
    done = fresh.run("kernel", "install", "--name", "wb", "--display-name", "Ours", **env)
    assert done.stdout == f"Installed 'Ours' in {data / 'kernels' / 'wb'}, which runs {sys.executable}.\n"
    spec = KernelSpecManager(kernel_dirs=[str(data / "kernels")]).get_kernel_spec("wb")
    assert (spec.argv[0], spec.argv[-1], spec.display_name) == (sys.executable, "--ext=workbench", "Ours")
    assert (data / "kernels" / "wb" / "logo-64x64.png").is_file()
    assert fresh.run("kernel", "install", "--name", "wb", **env).returncode == 0
    assert fresh.run("kernel", "remove", "--name", "wb", **env).stdout == f"Removed {data / 'kernels' / 'wb'}.\n"
    assert "There is no kernel 'wb'" in fresh.refused("kernel", "remove", "--name", "wb", **env)


def test_a_kernel_goes_to_the_python_that_is_named_and_no_other_kernel_is_removed(fresh: CommandLine) -> None:
    assert fresh.run("kernel", "install", "--prefix", "there").returncode == 0
    place = fresh.folder / "there" / "share" / "jupyter" / "kernels"
    assert (place / "workbench" / "kernel.json").is_file()
    (place / "other").mkdir()
    (place / "other" / "kernel.json").write_text('{"argv": ["python"], "display_name": "Other", "language": "python"}')
    refused = fresh.refused("kernel", "remove", "--prefix", "there", "--name", "other")
    assert refused.endswith("is no Workbench kernel, so it stays. Fix: jupyter kernelspec remove other")
    assert "is no name of a kernel" in fresh.refused("kernel", "install", "--name", "a/b")
    if hasattr(os, "geteuid") and os.geteuid() != 0:
        (fresh.folder / "locked").mkdir(mode=0o500)
        assert "ermission" in fresh.refused("kernel", "install", "--prefix", "locked")
