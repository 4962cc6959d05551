"""A real JupyterLab in headless Chromium, for tests of cards: private settings, any free port, every wait bounded."""

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
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from tests.kernels import ROOT, kernel_env

CHROMIUM = os.environ.get("CHROME", "/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"]
SETTINGS: dict[str, Any] = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
    "@jupyterlab/notebook-extension:tracker": {"autoStartDefaultKernel": True, "windowingMode": "none"},
}
KERNEL = "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"
LATE = "not within 60 s"
READY = """async () => {
    const panel = window.jupyterapp.shell.currentWidget;
    const within = (what, promise) => Promise.race([promise, new Promise((_, fail) => {
        setTimeout(() => fail(new Error(`not within 60 s: ${what} of ${panel.context?.path}`)), 60_000); })]);
    await within('document', panel.context.ready);
    await within('session', panel.sessionContext.ready);
    await within('answer of the kernel', panel.sessionContext.session.kernel.info);
}"""


class Lab:
    """One JupyterLab server; `with Lab() as lab: ...`.

    Args:
        theme: `light` or `dark`.
        store: The store of its kernels; '' keeps one in a file beside the notebooks, as for a person.
        base: The path below which it stands, as a hub starts it.
    """

    def __init__(self, theme: str = "light", store: str = "memory://", base: str = "/") -> None:
        self._store, self._base = store, base
        self.home = Path(tempfile.mkdtemp(prefix="lab-"))
        self.root = self.home / "notebooks"
        self.token = secrets.token_hex(16)
        self.url = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._theme = "JupyterLab Dark" if theme == "dark" else "JupyterLab Light"

    def __enter__(self) -> Lab:
        overrides = self.home / "config" / "labconfig" / "default_setting_overrides.json"
        overrides.parent.mkdir(parents=True)
        theme = {"@jupyterlab/apputils-extension:themes": {"theme": self._theme}}
        overrides.write_text(json.dumps(SETTINGS | theme))
        self.root.mkdir()
        shutil.copytree(ROOT / "kernels" / "workbench", self.home / "data" / "kernels" / "workbench")
        extension = self.home / "data" / "labextensions" / "notebook-workbench"
        shutil.copytree(ROOT / "workbench" / "lab" / "labextension", extension)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}{self._base.removesuffix('/')}"
        options = [f"--ServerApp.root_dir={self.root}", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"]
        options += ["--ServerApp.port_retries=0", f"--IdentityProvider.token={self.token}", "--LabApp.news_url=None"]
        options += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
        options += ["--LabApp.expose_app_in_browser=True", f"--ServerApp.base_url={self._base}"]
        # Beside JupyterLab, a server that has the package `notebook` serves Notebook 7.
        options += ["--JupyterNotebookApp.expose_app_in_browser=True", "--allow-root", "--no-browser"]
        with (self.home / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "jupyterlab", *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=self._env(),
            )
        try:
            self._wait(60.0)
        except BaseException:
            self.stop()
            raise
        return self

    def _env(self) -> dict[str, str]:
        places = {"CONFIG_DIR": "config", "DATA_DIR": "data", "RUNTIME_DIR": "runtime"}
        env = kernel_env(**{f"JUPYTER_{key}": str(self.home / value) for key, value in places.items()})
        env["IPYTHONDIR"] = str(self.home / "ipython")
        env["JUPYTERLAB_SETTINGS_DIR"] = str(self.home / "settings")
        env["JUPYTERLAB_WORKSPACES_DIR"] = str(self.home / "workspaces")
        # In a virtual environment Jupyter would prefer the extension that was installed there.
        env["JUPYTER_PREFER_ENV_PATH"] = "0"
        return env | {"WORKBENCH_PORT": "0", "WORKBENCH_STORE": self._store}

    def _wait(self, timeout: float) -> None:
        assert self._process is not None
        end = time.monotonic() + timeout
        while self._process.poll() is None and time.monotonic() < end:
            try:
                with urllib.request.urlopen(f"{self.url}/api/status?token={self.token}", timeout=1):
                    return
            except OSError:
                time.sleep(0.1)
        raise AssertionError(f"JupyterLab did not answer within {timeout} s: {(self.home / 'log').read_text()[-3000:]}")

    def stop(self) -> None:
        """Ask for the end, which ends its kernels too; after 15 s its process group is killed."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait(5)
        shutil.rmtree(self.home, ignore_errors=True)

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, where: TracebackType | None
    ) -> None:
        self.stop()

    def write(self, name: str, *cells: str) -> str:
        """Write a notebook of code cells for the workbench's kernel; gives its path as Lab knows it."""
        bare = {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": []}
        code = [bare | {"id": f"cell-{number}", "source": text} for number, text in enumerate(cells)]
        spec = {"name": "workbench", "display_name": "Python 3 (Workbench)", "language": "python"}
        document = {"cells": code, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5}
        (self.root / f"{name}.ipynb").write_text(json.dumps(document))
        return f"{name}.ipynb"


@contextmanager
def browser() -> Iterator[Any]:
    """A headless Chromium; skips the test where there is none."""
    if not shutil.which(CHROMIUM):
        pytest.skip(f"needs {CHROMIUM} (Debian: apt install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, headless=True)
        yield opened
        opened.close()


class Notebook:
    """One notebook open in a page, its kernel ready; the page loads JupyterLab only once.

    Args:
        subshells: Whether the kernel has a second way in; without, a click waits for the cell.
    """

    def __init__(self, lab: Lab, page: Any, path: str, *, subshells: bool = True) -> None:
        self.page, self.path = page, path
        self.errors: list[str] = []
        self._is_open = True
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.set_default_timeout(45_000)
        self._open(lab, subshells)
        try:
            page.evaluate(READY)
        except Exception as exc:
            if LATE not in str(exc):
                raise
            # Jupyter's server now and then takes a kernel's first answer for one of a stream that it has closed, as its
            # log says; the page's ways to all further kernels wait behind that.
            print(exc)
            page.goto("about:blank")
            self._open(lab, subshells)
            page.evaluate(READY)

    def _open(self, lab: Lab, subshells: bool) -> None:
        """Open it in JupyterLab."""
        page = self.page
        if not page.url.startswith(lab.url):
            page.goto(f"{lab.url}/lab?token={lab.token}&reset")
            page.locator(".jp-Launcher, .jp-NotebookPanel").first.wait_for()
        page.evaluate(
            """async ([path, subshells]) => { const { commands, shell } = window.jupyterapp;
            if (shell.currentWidget?.context?.path !== path) await commands.execute('docmanager:open', { path });
            if (subshells) return;
            const { sessionContext } = [...shell.widgets('main')].find((each) => each.context?.path === path);
            const close = () => { const kernel = sessionContext.session?.kernel;
              if (kernel) kernel.commsOverSubshells = 'disabled'; };
            // Before anything goes that way: what is under way when it ends is lost.
            sessionContext.kernelChanged.connect(close); close(); }""",
            [self.path, subshells],
        )
        page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)").wait_for()

    def run_all(self) -> None:
        """Run every cell to its end."""
        self.page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")

    def start(self, code: str) -> None:
        """Start code as a cell does, and wait only until the kernel runs it."""
        self.page.evaluate(
            """async (code) => { const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
            const future = kernel.requestExecute({ code });
            window.workbenchCellRuns = true;
            future.done.catch(() => {}).finally(() => { window.workbenchCellRuns = false; });
            await new Promise((resolve) => { future.onIOPub = (message) => {
              if (message.header.msg_type === 'execute_input') resolve(); }; }); }""",
            code,
        )

    def wait_for_subshell(self) -> None:
        """Wait until JupyterLab has made the second way into the kernel that its widgets use."""
        self.page.wait_for_function(
            """async () => { const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
            const listed = await kernel.requestListSubshell({}).done;
            return listed.content.subshell_id.length > 0; }"""
        )

    def interrupt(self) -> None:
        """Interrupt what `start` started, and wait for its end."""
        self.page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.interrupt()")
        self.page.wait_for_function("!window.workbenchCellRuns")

    def still_runs(self) -> bool:
        """Whether what `start` started has not ended."""
        return bool(self.page.evaluate("window.workbenchCellRuns"))

    def close(self) -> None:
        """End the kernel and close the tab, if that has not been done."""
        if not self._is_open:
            return
        self._is_open = False
        self.page.evaluate(
            """async (path) => { const { shell } = window.jupyterapp;
            const panel = [...shell.widgets('main')].find((each) => each.context?.path === path);
            await panel.sessionContext.shutdown(); await panel.context.save().catch(() => {}); panel.dispose(); }""",
            self.path,
        )

    def restart(self) -> None:
        """Restart the kernel, as the menu does after its question."""
        self.page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")

    def ask(self, code: str) -> str:
        """Run a line in the kernel beside the notebook; what it printed."""
        printed = self.page.evaluate(
            """async (code) => { const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
            const future = kernel.requestExecute({ code, silent: true }); let text = '';
            future.onIOPub = (message) => { if (message.header.msg_type === 'stream') text += message.content.text;
              if (message.header.msg_type === 'error') text += message.content.evalue; };
            await future.done; return text; }""",
            code,
        )
        return str(printed).strip()

    def outputs(self, number: int) -> list[dict[str, Any]]:
        """The outputs of a cell, as they would be saved."""
        found: list[dict[str, Any]] = self.page.evaluate(
            """(number) => { const model = window.jupyterapp.shell.currentWidget.content.model;
            return model.sharedModel.toJSON().cells[number].outputs; }""",
            number,
        )
        return found
