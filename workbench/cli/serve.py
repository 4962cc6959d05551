"""`workbench lab` and `workbench serve`."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from workbench.app.configuration.loop import wanted_loop
from workbench.app.configuration.settings import configuration_of
from workbench.app.configuration.toml_file import FILE as SETTINGS_FILE
from workbench.app.deploy.folders.watching import LOOK_SECONDS, Watched
from workbench.cli.end import End
from workbench.core.errors import DeployRefused, WorkbenchError, listed

if TYPE_CHECKING:
    from workbench.app.serving.crew.broadcasts import Broadcasts
    from workbench.app.serving.crew.line import Line
    from workbench.app.workbench import Workbench


class Serving(NamedTuple):
    """How a file is served.

    Args:
        port: The port wanted; 0 takes any, None the one it had, at first 11223.
        hosts: Further host names to answer for.
        drain_seconds: Longest wait for calls in flight at the end [s].
        as_json: Whether what is served is said as JSON.
        log_format: How each line of the log is written.
        access_log: Whether each request has a line in the log.
        sandbox: Whether peers play every connection, or none, whatever the file says; None leaves it to the file.
        allow_outside: Whether a notebook from elsewhere may call the outside.
        profile: The profile of `workbench.toml` to take; '' for the environment's, if any.
        certificate: File of the certificate by which it speaks TLS; '' for the environment's, if any.
        key: File of its private key.
    """

    port: int | None = None
    hosts: tuple[str, ...] = ()
    drain_seconds: float = 10.0
    as_json: bool = False
    log_format: Literal["text", "json"] = "text"
    access_log: bool = False
    sandbox: bool | None = None
    allow_outside: bool = False
    profile: str = ""
    certificate: str = ""
    key: str = ""


def lab(arguments: Sequence[str]) -> None:
    """JupyterLab in this folder, with this command on the PATH of its terminals and kernels.

    Raises:
        WorkbenchError: JupyterLab is not installed.
    """
    if find_spec("jupyterlab") is None:
        raise WorkbenchError(
            f"JupyterLab is not installed beside this command ({sys.executable}). Fix: pip install jupyterlab; or "
            "without it, workbench serve FILE and workbench panel."
        )
    os.environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    as_root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    os.execv(sys.executable, [sys.executable, "-m", "jupyterlab", *as_root, *arguments])


def serve(file: str, how: Serving, line: Line | None = None) -> None:
    """Run a file in its own folder and serve until SIGTERM or SIGINT; calls in flight may end.

    A second signal ends it at once.

    Args:
        file: The notebook or module, or a folder of modules and files of definitions.
        how: How it is served.
        line: Leads to the supervisor, where this is one of several that serve the file.
    """
    path = _entered(file)
    _set_environment(how, path)
    end = End(how.drain_seconds)
    from workbench.app.singleton import forget, the_workbench
    from workbench.cli.log import ServedLog
    from workbench.ui.carriers.page import open_page
    from workbench.zato import hook

    hook.install()
    wb = the_workbench(member=line.begin.member if line is not None else None)
    open_page(wb)
    others = _joined(wb, line) if line is not None else None
    log = ServedLog(wb, how.log_format, how.access_log)
    try:
        wb.startup.say(wb.log)
        # Its own code may leave the folder. Modules are followed by themselves, and a notebook's cells run once.
        watched = Watched(path.resolve()) if path.suffix == ".ipynb" else None
        settings = Watched(Path.cwd() / SETTINGS_FILE)
        with end.interrupting(), wb.startup.waiting():
            not_live = _run(path, end, line)
        if how.profile:
            _refuse_peers(wb, how.profile)
        wb.start()
        wb.after_started()
        for waits in wb.drafting.waits_for():
            wb.startup.warn(waits)
        wb.startup.say(wb.log)
        told = _told(wb) | ({"not_live": not_live} if path.is_dir() else {})
        if others is not None:
            _serve_with_others(wb, told, path, end, others, how.drain_seconds)
            return
        _tell(told, _lines_of(wb, path), how.as_json)
        _watch(watched, settings, end, how.as_json)
        _say("Stopping: calls in flight may end.", how.as_json)
        wb.stop(how.drain_seconds)
    finally:
        forget()
        if others is not None:
            others.close()
        log.close()


def _joined(wb: Workbench, line: Line) -> Broadcasts:
    """Join the WebSocket channels of this process with those of the others, before a job or a call broadcasts."""
    from workbench.app.serving.crew.broadcasts import Broadcasts

    others = Broadcasts(line, wb.channels)
    wb.broadcast_by(others.send)
    return others


def supervise(file: str, how: Serving, size: int) -> int:
    """Serve a file by several processes at one address until a signal; the exit status.

    Raises:
        WorkbenchError: This system cannot; the port is taken; a setting is wrong.
    """
    path = _entered(file)
    _set_environment(how, path)
    from workbench.app.serving.crew.supervisor import Asked, supervise

    command = [sys.executable, "-m", "workbench.cli.worker"]
    say, tell = partial(_say, as_json=how.as_json), partial(_tell, as_json=how.as_json)
    return supervise(Asked(path.resolve(), command, how._asdict(), size, how.drain_seconds, say, tell))


def _serve_with_others(
    wb: Workbench, told: dict[str, Any], path: Path, end: End, others: Broadcasts, drain_seconds: float
) -> None:
    """Take connections of all until it is to end or to leave; what is clicked while it does is told, too."""
    from workbench.app.serving.crew.clicks import ClicksInForce
    from workbench.app.serving.crew.line import Ready
    from workbench.channels.own import Page

    line = others.line
    wb.answer_at(line.listeners)
    own = [(*address, isinstance(each, Page) and each.is_public) for address, each in wb.own_addresses.items()]
    in_force = ClicksInForce(lambda: wb.defined)
    clicks = in_force.digest()
    line.tell(Ready(wb.own_url, own, told, _lines_of(wb, path), clicks))
    with line.counting(wb.events, in_force.digest, clicks, others.clients):
        while not end.wait(LOOK_SECONDS):
            pass
        wb.stop(drain_seconds, left=line.tell_left if line.leaves else None)


def _refuse_peers(wb: Workbench, profile: str) -> None:
    """Raise WorkbenchError if the file sends connections to peers, and the profile has not said that it wants them."""
    if wb.peers.on and wb.connections and wb.settings.sandbox != "1":
        raise WorkbenchError(
            f"Profile {profile!r} is for real addresses, and the file has sent {listed(wb.connections)} to peers. "
            f"Fix: take wb.sandbox() out of it, or say sandbox = false (or true) in [profile.{profile}]."
        )


def _entered(file: str) -> Path:
    """The file by its name in its own folder, which is the current one from now on, as it is in a kernel; or a folder.

    Raises:
        DeployRefused: It is not there, or a folder in which nothing is to be served.
    """
    path = Path(file).resolve()
    if path.is_dir():
        _expect_services(path, file)
        os.chdir(path)
        return path
    if not path.is_file():
        raise DeployRefused(f"There is no file {file!r}. Fix: correct the path.")
    os.chdir(path.parent)
    sys.path.insert(0, str(path.parent))
    return Path(path.name)


def _expect_services(folder: Path, shown: str) -> None:
    """Raise DeployRefused for a folder with notebooks, of which one is meant, and for one with nothing to serve."""
    from workbench.app.deploy.folders.finding import files_in

    names = sorted(each.name for each in folder.iterdir() if each.suffix in (".ipynb", ".py"))
    if any(each.endswith(".ipynb") for each in names):
        fix = f"name one of its files: {listed(names)}"
        raise DeployRefused(f"{shown!r} is a folder, and one file is served at a time. Fix: {fix}.")
    files_in(folder, shown)


def _watch(watched: Watched | None, settings: Watched, end: End, as_json: bool) -> None:
    """Wait for the end; say once that the file or its settings have changed, since what is served stays as it was."""
    while not end.wait(LOOK_SECONDS):
        if watched is not None and (found := watched.look()):
            fix = "restart workbench serve to serve it anew; with --workers 2 or more a save does that"
            changed = f"{watched.path.name} has changed; what is served stays as it was. Fix: {fix}."
            _say(changed if found == "changed" else watched.lost, as_json)
        if settings.look():
            _say(_settings_changed(settings.path.parent), as_json)


def _settings_changed(folder: Path) -> str:
    """That the settings of a folder are not those in force; and what is wrong with them, if anything is."""
    try:
        configuration_of(folder, os.environ.get("WORKBENCH_PROFILE", ""))
    except WorkbenchError as exc:
        return f"What is served has the settings from before, since {exc}"
    fix = "restart workbench serve to take them"
    return f"{SETTINGS_FILE} has changed; what is served has the settings from before. Fix: {fix}."


def _set_environment(how: Serving, path: Path) -> None:
    os.environ["WORKBENCH_NOTEBOOK"] = str(path.resolve())
    os.environ["WORKBENCH_HEADLESS"] = "1"
    if how.port is not None:
        os.environ["WORKBENCH_PORT"] = str(how.port)
    if how.hosts:
        os.environ["WORKBENCH_HOSTS"] = ",".join(how.hosts)
    if how.sandbox is not None:
        os.environ["WORKBENCH_SANDBOX"] = "1" if how.sandbox else "0"
    if how.profile:
        os.environ["WORKBENCH_PROFILE"] = how.profile
    if how.certificate:
        os.environ["WORKBENCH_CERTIFICATE"] = how.certificate
    if how.key:
        os.environ["WORKBENCH_CERTIFICATE_KEY"] = how.key
    if how.allow_outside:
        os.environ["WORKBENCH_ALLOW_OUTSIDE"] = "1"


def _tell(told: dict[str, Any], lines: list[str], as_json: bool) -> None:
    """Say what is served, as data or in lines."""
    if as_json:
        print(json.dumps(told), flush=True)
        return
    for each in lines:
        _say(each, as_json)


def _told(wb: Workbench) -> dict[str, Any]:
    """What is served, and where; which jobs run, and where else they may."""
    jobs = list(wb.jobs) if wb.has_jobs else []
    others = [each.pid for each in wb.sharing_jobs()] if jobs else []
    told: dict[str, Any] = {"url": wb.url, "services": sorted(wb.services), "channels": sorted(wb.channels)}
    told |= {"loop": wanted_loop(), "jobs": jobs, "shares_jobs_with": others, "sandbox": wb.peers.on}
    return told | {"panel": f"{wb.url}/workbench/"}


def _lines_of(wb: Workbench, path: Path) -> list[str]:
    """The same in words."""
    count, jobs = len(wb.services), list(wb.jobs.values()) if wb.has_jobs else []
    others = [each.pid for each in wb.sharing_jobs()] if jobs else []
    serving = f"Serving {count} service{'' if count == 1 else 's'} of {path.name} at {wb.url}"
    on = ", on uvloop" if wanted_loop() == "uvloop" else ""
    lines = [f"{serving}, with its panel at {wb.url}/workbench/ (to log in: workbench panel {path.name}){on}"]
    for channel in wb.channels.values():
        if channel.state == "open":
            how = channel.kind if channel.methods is None else " ".join(channel.methods) or "any method"
            lines.append(f"  {how} {channel.address}: {', '.join(channel.leads_to)}")
    for job in jobs:
        lines.append(f"  job {job.name!r}: {job.definition.describe()}, {job.state}, runs {job.definition.service}")
    if wb.certificate is not None:
        lines.append(f"  by TLS with {wb.certificate}; a new one is taken without a restart")
    if wb.ports.elsewhere:
        lines.append(f"  at this port since {wb.ports.elsewhere}")
    if others:
        lines.append(f"  each planned time of a job runs here or in pid {', '.join(map(str, others))}, once")
    if wb.member is not None and os.environ.get("WORKBENCH_COUNTERS", "").startswith("memory:"):
        lines.append("  limits count in each worker process apart, as WORKBENCH_COUNTERS says")
    if wb.peers.on:
        why = "WORKBENCH_SANDBOX or --sandbox" if wb.peers.fixed else "the file"
        of_each = ", of each worker process its own" if wb.member is not None else ""
        lines.append(f"Sandbox on, as {why} says: peers{of_each} play every connection. To go outside: --no-sandbox")
    return lines


def _say(line: str, as_json: bool) -> None:
    print(line, file=sys.stderr if as_json else sys.stdout, flush=True)


def _run(path: Path, end: End, line: Line | None) -> list[str]:
    """Run the file; its own error, or its own end, is told in one sentence. Gives the files of a folder that failed.

    Args:
        path: The file or folder.
        end: When it is to end.
        line: Leads to the supervisor, where there is one.
    """
    try:
        if path.is_dir():
            return _run_folder(path, line)
        if path.suffix == ".ipynb":
            _run_notebook(path, end)
        else:
            _run_module(path, follow=line is None)
        return []
    except WorkbenchError:
        if end.is_asked:
            raise KeyboardInterrupt from None
        raise
    except SystemExit as exc:
        where = "".join(getattr(exc, "__notes__", [path.name]))
        print(f"workbench: {where} ends the run with exit; nothing is served.", file=sys.stderr, flush=True)
        raise


def _run_folder(path: Path, line: Line | None) -> list[str]:
    """Make all of a folder live that can be; what cannot is in the log. Gives the files that failed.

    A process that serves alone follows the files; of several, each is replaced by one that runs all of them anew.

    Raises:
        WorkbenchError: Nothing of it can be, or a file fails that did not where it is served already.
    """
    from workbench.app.singleton import the_workbench

    imported = the_workbench().load_folder(path, shown=path.name, follow=line is None)
    if not imported.services and not imported.definitions:
        raise WorkbenchError("\n".join([f"{path.name} is not served, since nothing of it is live.", *imported.failed]))
    failed = {row.file: row.failed for row in imported.rows if row.failed}
    known = line.begin.not_live if line is not None else None
    if new := [said for file, each in failed.items() for said in each if known is not None and file not in known]:
        raise WorkbenchError("\n".join(new))
    return list(failed)


def _run_module(path: Path, follow: bool) -> None:
    from workbench.app.singleton import the_workbench

    try:
        the_workbench().load(path, follow=follow)
    except WorkbenchError:
        raise
    except Exception as exc:
        raise WorkbenchError(_failed(path.name, _lines(exc, str(path))[-1:], exc)) from exc


def _lines(error: BaseException, file: str) -> list[int | None]:
    """The lines of a file, or of a cell by its name, that an error went through."""
    return [each.lineno for each in traceback.extract_tb(error.__traceback__) if each.filename == file]


def _failed(what: str, lines: list[int | None], error: BaseException) -> str:
    where = f", line {lines[0]}," if lines else ""
    if isinstance(error, SyntaxError):
        # Python 3.13 has private kinds of it.
        return f"{what}{where} failed: SyntaxError: {error.msg}"
    return f"{what}{where} failed: {type(error).__name__}: {error}"


def _run_notebook(path: Path, end: End) -> None:
    """Run the cells as a kernel would, magics included; a cell that fails ends it, unless its tag says that it does."""
    from workbench.app.deploy.loading import code_cells
    from workbench.cli.shell import served_shell
    from workbench.notebook.extension import load, put_at_hand

    shell = served_shell()
    load(shell)
    # Its own kernel may be the Workbench one, where a notebook needs no import.
    put_at_hand(shell)
    for number, cell_id, text, may_raise in code_cells(path):
        name = shell.compile.cell = f"{path.name}, cell {number}"
        result = shell.run_cell(text, store_history=False, cell_id=cell_id or None)
        if end.is_asked:
            raise KeyboardInterrupt
        error = result.error_before_exec or result.error_in_exec
        if isinstance(error, SystemExit) and not may_raise:
            error.add_note(f"{name},")
            raise error
        if error is not None and not may_raise:
            lines = [error.lineno] if isinstance(error, SyntaxError) else _lines(error, name)[:1]
            raise WorkbenchError(_failed(name, lines, error))
