"""`workbench`: open a lab, serve a notebook, invoke a service, look what could be wrong."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Literal, ParamSpec

import typer
from typer import Argument, Option

from workbench.cli import caches, sharing
from workbench.cli.actions import JobAction, port_of
from workbench.cli.commands import as_code, import_zato, kernel, listing, openapi, quickstart, version
from workbench.cli.commands.shown import show_examples
from workbench.core.errors import WorkbenchError

P = ParamSpec("P")
WRONG_USE, INTERRUPTED = 2, 130

# rich takes 0.4 s to be imported, which only a person who looks is worth.
app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode="rich" if sys.stdout.isatty() else None)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it worked, 1 with one sentence when it did not, 2 for a wrong use."""
    try:
        status = typer.main.get_command(app).main(arguments, prog_name="workbench", standalone_mode=False)
    except typer.TyperException as exc:
        context = getattr(exc, "ctx", None)
        usage = f"{context.get_usage()}\n" if context is not None else ""
        print(f"{usage}workbench: {exc.format_message()}", file=sys.stderr)
        return WRONG_USE
    except typer.Abort:
        return INTERRUPTED
    return int(status or 0)


def command(ask: Callable[P, Any]) -> Callable[P, int]:
    """Make a command of what answers: the answer is printed, as JSON where that is asked for, and an error is one
    sentence.
    """

    @wraps(ask)
    def run(*args: P.args, **kwargs: P.kwargs) -> int:
        as_json = kwargs.get("as_json")
        try:
            answer = ask(*args, **kwargs)
        except (WorkbenchError, OSError) as exc:
            if as_json:
                print(json.dumps({"error": str(exc)}))
            else:
                print(f"workbench: {exc}", file=sys.stderr)
            return 1
        if answer is not None:
            print(json.dumps(answer, default=str) if as_json else _said(answer))
        return 0

    return run


def given(context: typer.Context) -> set[str]:
    """The parameters that a person has given, by their names here."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"}


def _said(answer: Any) -> str:
    return answer.rstrip("\n") if isinstance(answer, str) else json.dumps(answer, indent=2, default=str)


def _say_version(wanted: bool) -> None:
    if wanted:
        facts = version.facts()
        print(f"workbench {facts['version']}, Python {facts['python']}")
        raise typer.Exit


def _services(incomplete: str) -> list[str]:
    from workbench.cli import remote

    return remote.known("services")


def _jobs(incomplete: str) -> list[str]:
    from workbench.cli import remote

    return remote.known("jobs")


def _apps(incomplete: str) -> list[str]:
    from workbench.cli import remote

    return remote.apps()


AsJSON = Annotated[bool, Option("--json", help="Print JSON.")]
App = Annotated[
    str,
    Option(
        "--app",
        metavar="NAME",
        help="Which workbench, by its notebook's name or path, its process or its port; "
        "needed when several have what is asked for.",
        autocompletion=_apps,
    ),
]


@app.callback()
def _workbench(
    version: Annotated[
        bool, Option("--version", callback=_say_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    """An integration workbench for notebooks."""


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    epilog="Anything else is passed on to JupyterLab.",
)
@command
def lab(context: typer.Context) -> None:
    """Open JupyterLab, with the Workbench kernel, in this folder."""
    from workbench.cli import serve

    serve.lab(context.args)


@app.command()
@command
def serve(
    file: Annotated[str, Argument(help="A notebook (.ipynb), a module (.py), or a folder of modules.")],
    port: Annotated[
        int | None,
        Option(parser=port_of, metavar="PORT", help="The port; 0 takes any, none the one it had, at first 11223."),
    ] = None,
    host: Annotated[list[str] | None, Option(metavar="NAME", help="A further host name to answer for.")] = None,
    allow_outside: Annotated[
        bool, Option("--allow-outside", help="Let a notebook from elsewhere call the outside.")
    ] = False,
    drain: Annotated[float, Option(metavar="SECONDS", help="Longest wait for calls in flight at SIGTERM.")] = 10.0,
    log_format: Annotated[
        Literal["text", "json"], Option(help="How each line of the log is written, to standard error.")
    ] = "text",
    access_log: Annotated[bool, Option("--access-log", help="Write a line for each request.")] = False,
    sandbox: Annotated[
        bool | None,
        Option("--sandbox/--no-sandbox", help="Whether peers play every connection, or none, whatever the file says."),
    ] = None,
    profile: Annotated[str, Option(metavar="NAME", help="The profile of workbench.toml to take.")] = "",
    certificate: Annotated[
        str, Option(metavar="FILE", help="Speak TLS by this certificate, and those that vouch for it (PEM).")
    ] = "",
    key: Annotated[str, Option(metavar="FILE", help="The private key of the certificate (PEM).")] = "",
    workers: Annotated[
        int, Option(metavar="N", min=1, max=64, help="How many processes serve it, at one address; a save redeploys.")
    ] = 1,
    as_json: AsJSON = False,
) -> None:
    """Run a notebook, a module or a folder of them without a notebook, and keep serving."""
    from workbench.cli import serve

    pair = [each and str(Path(each).absolute()) for each in (certificate, key)]
    how = serve.Serving(
        port, tuple(host or ()), drain, as_json, log_format, access_log, sandbox, allow_outside, profile, *pair
    )
    if workers > 1:
        raise typer.Exit(serve.supervise(file, how, workers))
    serve.serve(file, how)


@app.command("test", epilog="After --, anything is for pytest.")
@command
def run_tests(
    notebooks: Annotated[list[str] | None, Argument(help="Notebooks, or folders of them; this folder if none.")] = None,
    select: Annotated[str, Option("-k", metavar="WORDS", help="Only cells whose heading or tag has these words.")] = "",
    first: Annotated[bool, Option("-x", help="Stop at the first failure.")] = False,
    failed: Annotated[bool, Option("--lf", help="Only those that failed last time.")] = False,
    values: Annotated[
        list[str] | None,
        Option("--set", metavar="NAME=VALUE", help="Give a parameter a value; outputs may differ."),
    ] = None,
    clock: Annotated[
        Literal["fixed", "virtual", "real"],
        Option(help="wb.clock begins at 2026-01-01, or stands still until wb.clock.advance(), or is the machine's."),
    ] = "fixed",
    cell_timeout: Annotated[float, Option(metavar="SECONDS", help="Longest time of one cell.")] = 60.0,
    notebook_timeout: Annotated[float, Option(metavar="SECONDS", help="Longest time of one notebook.")] = 600.0,
    junit: Annotated[str, Option("--junitxml", metavar="FILE", help="Write what came of it as JUnit XML.")] = "",
    allow_outside: Annotated[
        bool, Option("--allow-outside", help="Let notebooks call the outside, where they say so, in place of peers.")
    ] = False,
    live: Annotated[
        bool, Option("--live", help="Let the outside answer where a cassette would, and say what it answers otherwise.")
    ] = False,
    parallel: Annotated[
        int | None, Option(metavar="N", min=1, help="Notebooks that run side by side; one for each processor if unset.")
    ] = None,
    watch: Annotated[bool, Option("--watch", help="Run again what a save touches, until Ctrl-C.")] = False,
) -> None:
    """Run notebooks as tests: each cell in its turn, in a kernel of their own, every connection at its peer."""
    from workbench.cli import testing

    options = [f"--set={each}" for each in values or ()]
    options += [f"--clock={clock}", f"--cell-timeout={cell_timeout}", f"--notebook-timeout={notebook_timeout}"]
    options += ["-k", testing.expression(select)] if select else []
    options += [f"--junitxml={junit}"] if junit else []
    flags = {"-x": first, "--lf": failed, "--allow-outside": allow_outside, "--live-cassettes": live}
    options += [flag for flag, is_set in flags.items() if is_set]
    raise typer.Exit(testing.run(notebooks or [], options, watch=watch, parallel=parallel))


@app.command(epilog="A comment in a cell silences a rule: # workbench: allow RULE: REASON")
@command
def lint(
    notebooks: Annotated[list[str] | None, Argument(help="Notebooks, or folders of them; this folder if none.")] = None,
    as_json: AsJSON = False,
) -> None:
    """Say what is to be mended in notebooks, without running them; 1 if there is anything."""
    from workbench.cli import linting

    rows = linting.findings(notebooks or [])
    print(json.dumps(rows) if as_json else linting.said(rows))
    if rows:
        raise typer.Exit(1)


@app.command()
@command
def invoke(
    service: Annotated[str, Argument(help="Its name.", autocompletion=_services)],
    payload: Annotated[str, Option(metavar="TEXT", help="JSON, or any text; - reads standard input.")] = "",
    app: App = "",
    as_json: AsJSON = False,
) -> Any:
    """Invoke a service in a workbench that runs on this machine."""
    from workbench.cli import remote

    reply = remote.invoke(service, payload, app)
    return reply if as_json else reply["answer"]


@app.command()
@command
def panel(
    app: Annotated[
        str, Argument(metavar="[NAME]", help="Which workbench, as --app elsewhere.", autocompletion=_apps)
    ] = "",
    as_json: AsJSON = False,
) -> Any:
    """Give the address of a running workbench's panel, for a browser on this machine; it logs in once."""
    from workbench.cli import remote

    told = remote.panel(app)
    return told if as_json else remote.panel_said(told)


@app.command()
@command
def jobs(
    context: typer.Context,
    action: Annotated[JobAction, Argument(help="What to do.", show_default=False)],
    name: Annotated[
        str,
        Argument(help="The job; all for list and calendar; the file for import-crontab.", autocompletion=_jobs),
    ] = "",
    extra: Annotated[
        str | None, Option(metavar="TEXT", help="execute: seen as self.request.raw_request in place of the job's own.")
    ] = None,
    since: Annotated[
        str | None,
        Option(metavar="TIME", help="account: later than that; backfill: from then on; in the job's zone."),
    ] = None,
    until: Annotated[
        str | None, Option(metavar="TIME", help="pause, backfill: the end of it, in the job's zone.")
    ] = None,
    last: Annotated[int, Option(metavar="N", min=1, max=1_000, help="preview, runs: how many times or rows.")] = 20,
    run: Annotated[bool, Option("--run", help="backfill: make the runs; without it, only say which.")] = False,
    stop: Annotated[bool, Option("--stop", help="backfill: stop the one that goes on.")] = False,
    days: Annotated[float, Option(metavar="N", help="calendar: how many days.")] = 7,
    service: Annotated[
        str, Option(metavar="NAME", help="import-crontab: the service that runs for each command.")
    ] = "",
    timezone: Annotated[str, Option(metavar="ZONE", help="import-crontab: the zone of its machine.")] = "UTC",
    app: App = "",
    as_json: AsJSON = False,
) -> Any:
    """List the jobs of a running workbench; show one, its next times, runs and account; execute, pause or remove it.

    import-crontab writes the code of a cell with the jobs of a crontab, and asks no workbench.
    """
    from workbench.cli import jobs

    jobs.check(action, name, given(context))
    if action == "list":
        listed = jobs.listed(app)
        return listed if as_json else jobs.listed_said(listed)
    if action == "execute":
        told: Any = jobs.execute(name, extra, app)
    elif action == "calendar":
        told = jobs.calendar(days, app)
    elif action == "import-crontab":
        told = jobs.crontab(name, service, timezone)
    else:
        told = jobs.asked(action, name, app, since=since, until=until, last=last, dry=not run, stop=stop)
    return told if as_json else jobs.said(action, name, told)


@app.command()
@command
def traffic(
    cid: Annotated[str, Argument(help="The CID of a call; without it, the last calls.")] = "",
    last: Annotated[int, Option(metavar="N", min=1, help="How many calls.")] = 20,
    app: App = "",
    as_json: AsJSON = False,
) -> Any:
    """Show one call with all that it did, or the last calls of a running workbench."""
    from workbench.cli import looking

    if cid:
        call = looking.call(cid, app)
        return call if as_json else looking.call_said(call)
    calls = looking.calls(last, app)
    return calls if as_json else looking.calls_said(calls)


@app.command()
@command
def log(
    cid: Annotated[str, Argument(help="The CID of a call; without it, the lines of all.")] = "",
    follow: Annotated[bool, Option("--follow", "-f", help="Go on with each line as it comes, until Ctrl-C.")] = False,
    last: Annotated[int, Option(metavar="N", min=1, help="How many lines that there are already.")] = 50,
    app: App = "",
    as_json: AsJSON = False,
) -> None:
    """Show what the services of a running workbench log and print, with tracebacks; JSON is one object a line."""
    from workbench.cli import looking

    looking.log(cid, follow, last, app, as_json)


@app.command()
@command
def status(as_json: AsJSON = False) -> Any:
    """List the workbenches that run on this machine."""
    from workbench.cli import remote

    found = remote.statuses()
    return found if as_json else remote.statuses_said(found)


@app.command()
@command
def examples(
    folder: Annotated[str, Argument(help="Where to; made if it is not there.")] = "workbench-examples",
    repo: Annotated[
        bool, Option("--repo", help="Write a repository to start from: a notebook, its tests, a CI file.")
    ] = False,
    as_json: AsJSON = False,
) -> Any:
    """Copy the notebooks that explain the workbench into a folder."""
    from workbench.cli import examples

    told = examples.start(folder) if repo else examples.copy(folder)
    return told if as_json else examples.said(told, of_repository=repo)


for each in (
    *(listing.call, listing.services, listing.channels, listing.connections, listing.users, listing.limits),
    *(as_code.validate, as_code.diff, as_code.apply, as_code.define, as_code.export),
    *(caches.cache, kernel.kernel, openapi.openapi, quickstart.quickstart, version.version, sharing.share),
    import_zato.import_zato,
):
    app.command()(command(each))
app.command("open")(command(sharing.open_package))
app.command("git", epilog="In a repository, once in each clone.")(command(sharing.git))
app.command("git-filter", hidden=True)(command(sharing.git_filter))


@app.command()
def doctor(as_json: AsJSON = False) -> int:
    """Look what could keep the workbench from working here."""
    from workbench.cli import doctor

    findings = doctor.findings()
    print(json.dumps([each._asdict() for each in findings]) if as_json else "\n".join(map(str, findings)))
    return 0 if all(each.ok for each in findings) else 1


show_examples(app.registered_commands)

if __name__ == "__main__":
    sys.exit(main())
