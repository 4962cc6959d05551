"""`workbench doctor` looks what could be wrong; `--version` and wrong uses."""

from __future__ import annotations

import json
import os
import platform
import socket
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import workbench
from tests.cli.conftest import CommandLine
from tests.serving import wb as wb
from workbench import Workbench
from workbench.channels.http.server import DEFAULT_PORT
from workbench.cli.doctor import findings, missing_extras


def found(cli: CommandLine, **env: str) -> dict[str, dict[str, object]]:
    """What the doctor says, by what it looked at."""
    return {each["what"]: each for each in json.loads(cli.run("doctor", "--json", **env).stdout)}


def test_all_is_well_here(cli: CommandLine) -> None:
    done = cli.run("doctor")
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[0] == f"ok    Python: {platform.python_version()}"
    assert all(line.startswith("ok  ") for line in done.stdout.splitlines())
    assert set(found(cli)) >= {"Python", "installed", "packages", "kernel", "port", "Redis", "runtime folder"}


def test_another_distribution_with_a_package_of_this_name_is_named(cli: CommandLine, tmp_path: Path) -> None:
    info = tmp_path / "workbench-0.8.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: workbench\nVersion: 0.8\n")
    (info / "top_level.txt").write_text("workbench\n")
    (info / "RECORD").write_text("workbench/__init__.py,,\n")
    path = os.pathsep.join([cli.env["PYTHONPATH"], str(tmp_path)])
    done = cli.run("doctor", PYTHONPATH=path)
    assert done.returncode == 1
    assert "FIX   installed: workbench has a package `workbench` too; pip uninstall it" in done.stdout


def test_the_libraries_of_extras_that_are_not_there_are_named() -> None:
    requires = ["msgspec>=0.20", "paramiko<6,>=5; extra == 'sftp'", "ruff; extra == 'test'"]
    requires += ["paramiko<6,>=5; extra == 'all'", "boto3; extra == 'all'"]
    assert missing_extras(requires, lambda name: name == "boto3") == ["paramiko"]
    assert missing_extras(requires, lambda name: True) == []


def test_a_busy_port_is_no_trouble_and_its_owner_is_named(cli: CommandLine) -> None:
    owner = f"(pid {os.getpid()})"
    with socket.socket() as held:
        try:
            held.bind(("127.0.0.1", DEFAULT_PORT))
            held.listen()
        except OSError:
            # Another program of this machine holds it, which does as well, but for its name.
            owner = ""
        port = found(cli)["port"]
    assert port["ok"] is True
    assert str(port["said"]).startswith(f"{DEFAULT_PORT} is held by ")
    assert str(port["said"]).endswith(f"{owner}; a free one will be taken")


def test_a_missing_kernel_is_said_with_the_fix(cli: CommandLine, tmp_path: Path) -> None:
    # The folders of the system and of the environment are no settings of Jupyter, so they are emptied in its process.
    code = (
        "import sys, jupyter_core.paths as paths; paths.SYSTEM_JUPYTER_PATH = paths.ENV_JUPYTER_PATH = [];"
        "from workbench.cli.main import main; sys.exit(main(['doctor']))"
    )
    env = cli.env | {"JUPYTER_DATA_DIR": str(tmp_path), "JUPYTER_PATH": "", "PYTHONNOUSERSITE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, cwd=cli.folder, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1, done
    assert [line for line in done.stdout.splitlines() if not line.startswith("ok  ")] == [
        "FIX   kernel: the kernel 'Python 3 (Workbench)' is not installed; "
        "pip install --force-reinstall notebook-workbench"
    ]


def test_the_version_is_said(cli: CommandLine) -> None:
    done = cli.run("--version")
    assert done.stdout == f"workbench {workbench.__version__}, Python {platform.python_version()}\n"
    assert done.returncode == 0


def test_a_wrong_use_says_how(cli: CommandLine) -> None:
    assert "No such command 'sreve'. Did you mean 'serve', 'services', 'share'?" in cli.refused("sreve", code=2)
    assert "COMMAND" in cli.refused(code=2)
    assert "Usage: workbench serve" in cli.refused("serve", code=2)
    assert "workbench: Missing argument" in cli.refused("serve", code=2)


def test_every_command_explains_itself(cli: CommandLine) -> None:
    said = cli.run("--help").stdout
    for command in ("lab", "serve", "invoke", "jobs", "traffic", "log", "status", "panel", "examples", "doctor"):
        assert command in said
        help_text = cli.run(command, "--help")
        assert help_text.returncode == 0
        assert f"Usage: workbench {command}" in help_text.stdout


def test_lab_hands_its_arguments_to_jupyterlab_and_no_other_command_does(cli: CommandLine) -> None:
    assert cli.run("lab", "--version").stdout == f"{version('jupyterlab')}\n"
    assert "No such option: --no-browser" in cli.refused("status", "--no-browser", code=2)


def test_lab_without_jupyterlab_says_what_to_install(cli: CommandLine, tmp_path: Path) -> None:
    # As in an environment that has none.
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['jupyterlab'] = None")
    refused = cli.refused("lab", PYTHONPATH=os.pathsep.join((str(tmp_path), cli.env["PYTHONPATH"])))
    assert "JupyterLab is not installed" in refused
    assert "Fix: pip install jupyterlab" in refused


def test_lab_has_the_command_on_the_path_of_its_terminals(cli: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "jupyterlab").mkdir()
    (tmp_path / "jupyterlab" / "__init__.py").touch()
    (tmp_path / "jupyterlab" / "__main__.py").write_text("import os; print(os.environ['PATH'])\n")
    path = os.pathsep.join([str(tmp_path), cli.env["PYTHONPATH"]])
    first, *_ = cli.run("lab", PYTHONPATH=path, PATH="/usr/bin:/bin").stdout.split(os.pathsep)
    assert first == str(Path(sys.executable).parent)


def test_configuration_of_the_folder_is_looked_at_and_nothing_is_called(fresh: CommandLine) -> None:
    (fresh.folder / "extlib").mkdir()
    (fresh.folder / "extlib" / "my_startup.py").write_text("open('called', 'w').close()\n")
    file = fresh.module("workbench.toml", "[startup]\nstartup_callable = ['my_startup.f']\n")
    assert found(fresh)["configuration"] == {
        "what": "configuration",
        "ok": True,
        "said": "startup callables: my_startup.f",
    }
    file.write_text("[startup]\nstartup_callable = ['my_startup.f', 'nowhere.f']\n")
    assert "name nowhere, which is not found" in str(found(fresh)["configuration"]["said"])
    assert not (fresh.folder / "called").exists()


def test_a_running_workbench_whose_startup_callable_failed_is_told(wb: Workbench) -> None:
    def late(ctx: object) -> None:
        raise ValueError("no luck")

    wb.on_startup(late)
    wb.start()
    [running] = [each for each in findings() if each.what == "running"]
    assert not running.ok
    assert "late failed in after-started: ValueError: no luck" in running.said
