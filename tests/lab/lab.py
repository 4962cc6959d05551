"""A real JupyterLab and a headless Chromium that uses it; everything private, every wait bounded."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.kernels import kernel_env

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or ""
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
# No news, no saving behind the test's back, no question which kernel, and every cell in the page.
SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
    "@jupyterlab/notebook-extension:tracker": {"autoStartDefaultKernel": True, "windowingMode": "none"},
}
READY = """async () => {
    const notebook = window.jupyterapp.shell.currentWidget;
    await notebook.context.ready;
    await notebook.sessionContext.ready;
    if (!notebook.sessionContext.session?.kernel) throw Error('The notebook has no kernel');
    await notebook.sessionContext.session.kernel.info;
}"""
ALL_RAN = """() => [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]
    .every(prompt => /\\d/.test(prompt.textContent))"""
OUTPUTS = """() => window.jupyterapp.shell.currentWidget.content.model.sharedModel.toJSON().cells
    .filter(cell => cell.cell_type == 'code').map(cell => cell.outputs)"""


class Lab:
    """A JupyterLab on a free port, with folders of its own, until `stop`.

    Args:
        root: The folder it shows.
        env: Variables for it and its kernels.
    """

    def __init__(self, root: Path, env: dict[str, str] | None = None) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="lab-"))
        self.token = secrets.token_hex(16)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        overrides = self.home / "config" / "labconfig" / "default_setting_overrides.json"
        overrides.parent.mkdir(parents=True)
        overrides.write_text(json.dumps(SETTINGS))
        self._log = (self.home / "lab.log").open("wb")
        self.process = subprocess.Popen(
            self._command(root),
            env=self._private() | (env or {}),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def _command(self, root: Path) -> list[str]:
        return [
            *(sys.executable, "-m", "jupyterlab", "--allow-root", "--no-browser"),
            *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={self.port}", "--ServerApp.port_retries=0"),
            *(f"--ServerApp.root_dir={root}", f"--IdentityProvider.token={self.token}"),
            *("--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"),
            "--LabApp.expose_app_in_browser=True",
        ]

    def _private(self) -> dict[str, str]:
        folders = {
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "IPYTHONDIR": "ipython",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        }
        return kernel_env(**{name: str(self.home / folder) for name, folder in folders.items()})

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What it has said."""
        return (self.home / "lab.log").read_text(errors="replace")

    def wait(self, seconds: float = 60.0) -> Lab:
        """Wait until it answers."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"JupyterLab has ended:\n{self.log}")
            try:
                urllib.request.urlopen(f"{self.address}/api/status?token={self.token}", timeout=2).close()
            except OSError:
                threading.Event().wait(0.1)
            else:
                return self
        raise TimeoutError(f"JupyterLab did not answer within {seconds} s:\n{self.log}")

    def stop(self) -> None:
        """Ask it to end, kernels included; what has not ended after 20 s is killed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait(10)
        self._log.close()
        shutil.rmtree(self.home, ignore_errors=True)


class Notebook:
    """A notebook that is open in a page of a Lab."""

    def __init__(self, page: Page, lab: Lab, path: str) -> None:
        self.page, self.errors = page, list[str]()
        page.set_default_timeout(45_000)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.goto(f"{lab.address}/lab/tree/{path}?token={lab.token}&reset")
        page.locator(".jp-NotebookPanel").wait_for()
        # The toolbar's dot says "idle" before there is a kernel; the session knows.
        page.evaluate(READY)

    def run_all(self) -> None:
        """Run all cells and wait for the last."""
        self.command("notebook:run-all-cells")
        # The command may end before the cells do, when one fails on purpose.
        self.page.wait_for_function(ALL_RAN)

    def command(self, name: str, **arguments: Any) -> Any:
        """Execute a command of JupyterLab."""
        return self.page.evaluate(
            "([name, args]) => window.jupyterapp.commands.execute(name, args).then(() => null)", [name, arguments]
        )

    def outputs(self) -> list[list[dict[str, Any]]]:
        """The outputs of each code cell."""
        found: list[list[dict[str, Any]]] = self.page.evaluate(OUTPUTS)
        return found
