"""The workbench's own HTTP addresses, for the command line: status, invoke, jobs, caches, traffic, log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec

from workbench.app.configuration.startup.callables import Startup
from workbench.app.deploy.applying import Applying
from workbench.app.deploy.drafting import Drafting
from workbench.app.parts import Parts
from workbench.app.serving.as_code import FILE_ACTIONS, AskedOfFile
from workbench.app.serving.cached import CACHE_ACTIONS, AskedOfCache
from workbench.app.serving.clients import (
    CLIENTS,
    DISCONNECT,
    AskedOfClient,
    Hosting,
    clients_here,
    disconnect_here,
)
from workbench.app.serving.listed import LISTS, AskedOfConnection, AskedRequest, Listing, called, pinged
from workbench.app.serving.openapi.describing import Describing
from workbench.app.serving.told import log_told, traffic_told
from workbench.channels.exchange import Exchange
from workbench.channels.guard import DESCRIPTION
from workbench.channels.own import Admin, Page
from workbench.core.errors import BadRequest
from workbench.runtime.traffic import Log, Traffic
from workbench.scheduler.jobs import Job, Jobs
from workbench.scheduler.runs.table import sparkline

T = TypeVar("T")


class Invocation(msgspec.Struct):
    """What the command line asks for: a service, and a payload in JSON or text."""

    service: str
    payload: Any = ""


class Execution(msgspec.Struct):
    """What the command line asks for: a job to run now, with another extra if given."""

    job: str
    extra: str | None = None


class Looked(msgspec.Struct):
    """How far a calendar looks [days]."""

    days: float = 7


class Asked(msgspec.Struct):
    """What the command line asks of a job: since or until when, in the job's zone, and how many times or rows.

    `dry` and `stop` are for a backfill: only say what would run, or stop the one that goes on.
    """

    job: str
    since: str | None = None
    until: str | None = None
    last: int = 20
    dry: bool = True
    stop: bool = False


class Told(Listing, Hosting, Protocol):
    """What the addresses tell of: a workbench."""

    app: str

    @property
    def url(self) -> str:
        """Address of its server."""
        ...

    @property
    def caches(self) -> Mapping[str, Any]:
        """Its caches, by name."""
        ...

    @property
    def jobs(self) -> Jobs:
        """Its jobs."""
        ...

    @property
    def has_jobs(self) -> bool:
        """Whether there are jobs."""
        ...

    startup: Startup
    drafting: Drafting

    @property
    def traffic(self) -> Traffic:
        """Its last calls."""
        ...

    @property
    def log(self) -> Log:
        """What its services logged."""
        ...


def admin_addresses(wb: Told, parts: Callable[[], Parts]) -> dict[tuple[str, str], Admin]:
    """What each address does; the caller holds the token."""

    def status(exchange: Exchange) -> Any:
        told = {"app": wb.app, "url": wb.url, "stuck": parts().pipeline.stuck, "jobs": []}
        told |= {"startup": wb.startup.problems, "services": sorted(wb.services), "channels": sorted(wb.channels)}
        return told | ({"jobs": sorted(wb.jobs)} if wb.has_jobs else {})

    def invoke(exchange: Exchange) -> Any:
        asked, runs = _read(exchange, Invocation), parts().invoker
        call = runs.new_call(asked.service, asked.payload, cid=exchange.cid)
        exchange.root.steps.append(call.step)
        # Who asks is told of a name that nobody has; it is no failure of a service.
        runs.version(call)
        try:
            return {"cid": exchange.cid, "answer": runs.run(call)}
        except Exception as exc:
            runs.failed(call, exc)
            raise

    def calendar(exchange: Exchange) -> Any:
        found = wb.jobs.calendar(_read(exchange, Looked).days)
        planned = {lane.name: lane.total for lane in found.lanes}
        return {"begin": found.begin, "end": found.end, "planned": planned, "said": repr(found)}

    def execute(exchange: Exchange) -> Any:
        asked = _read(exchange, Execution)
        return wb.jobs[asked.job].execute(asked.extra)

    return {
        ("GET", "/workbench/status"): status,
        ("POST", "/workbench/invoke"): invoke,
        ("GET", "/workbench/jobs"): lambda exchange: [_job_told(job) for job in wb.jobs.values()],
        ("POST", "/workbench/jobs/calendar"): calendar,
        ("POST", "/workbench/jobs/execute"): execute,
        **_of_several(wb),
        **_of_clients(wb),
        **_of_files(wb, parts),
        ("GET", "/workbench/traffic"): lambda exchange: traffic_told(wb.traffic, wb.log, exchange.query),
        ("GET", "/workbench/log"): lambda exchange: log_told(wb.log, exchange.query),
        ("GET", DESCRIPTION): Page(Describing(parts), is_public=True, waits=True),
    }


def _of_clients(wb: Told) -> dict[tuple[str, str], Admin]:
    """Who is connected to WebSocket channels here."""
    return {
        ("GET", CLIENTS): lambda exchange: clients_here(wb, exchange.query),
        ("POST", DISCONNECT): lambda exchange: disconnect_here(wb, _read(exchange, AskedOfClient)),
    }


def _of_several(wb: Told) -> dict[tuple[str, str], Admin]:
    """What the actions on jobs and caches are asked at."""
    jobs = {("POST", f"/workbench/jobs/{action}"): _of_job(wb, do) for action, do in JOB_ACTIONS.items()}
    caches = {("POST", f"/workbench/caches/{action}"): _of_caches(wb, do) for action, do in CACHE_ACTIONS.items()}
    return jobs | caches


def _of_files(wb: Told, parts: Callable[[], Parts]) -> dict[tuple[str, str], Admin]:
    """What lists, pings, requests and files of definitions are asked at."""

    def listing(tell: Callable[[Listing], Any]) -> Admin:
        return lambda exchange: tell(wb)

    def of_file(do: Callable[[Applying, AskedOfFile], Any]) -> Admin:
        return lambda exchange: do(Applying(parts(), wb.drafting), _read(exchange, AskedOfFile))

    return {
        **{("GET", f"/workbench/{name}"): listing(tell) for name, tell in LISTS.items()},
        **{("POST", f"/workbench/definitions/{name}"): of_file(do) for name, do in FILE_ACTIONS.items()},
        ("POST", "/workbench/import"): lambda exchange: _imported(wb, parts(), _read(exchange, AskedOfFile)),
        ("POST", "/workbench/connections/ping"): lambda exchange: pinged(wb, _read(exchange, AskedOfConnection)),
        ("POST", "/workbench/call"): lambda exchange: called(wb, _read(exchange, AskedRequest)),
    }


def _imported(wb: Told, parts: Parts, asked: AskedOfFile) -> Any:
    """Make a folder live, and tell what became of it."""
    from workbench.app.deploy.folders.importing import load_folder

    return load_folder(wb, parts, Path(asked.path), asked.shown).told()


def _of_caches(wb: Told, do: Callable[[Mapping[str, Any], AskedOfCache], Any]) -> Admin:
    """An address that asks about caches."""
    return lambda exchange: do(wb.caches, _read(exchange, AskedOfCache))


def _of_job(wb: Told, do: Callable[[Job, Asked], Any]) -> Admin:
    """An address that asks about one job."""

    def answer(exchange: Exchange) -> Any:
        asked = _read(exchange, Asked)
        return do(wb.jobs[asked.job], asked)

    return answer


def _job_told(job: Job) -> dict[str, Any]:
    row = job.row
    return {
        "name": job.name,
        "what": row.what,
        "service": job.definition.service,
        "state": row.state,
        "next": row.next_at,
        "paused_until": job.paused_until,
        "running_since": job.running_since,
        "last": row.runs[-1].outcome if row.runs else None,
        "recent": sparkline(row.runs),
        "cadence": row.cadence,
        "tripped": job.tripped,
    }


def _shown(job: Job, asked: Asked) -> Any:
    account = job.account()
    return _job_told(job) | {"code": job.definition.to_code(), "source": job.source, "account": repr(account)}


def _account(job: Job, asked: Asked) -> Any:
    found = job.account(asked.since)
    told = {name: getattr(found, name) for name in ("job", "since", "until", "planned", "by_outcome", "by_hand")}
    return told | {"holds": found.holds, "said": repr(found)}


def _preview(job: Job, asked: Asked) -> Any:
    times = job.preview(asked.last)
    return {"times": times, "zone": times.zone.key, "changes": times.changes, "said": repr(times)}


def _backfilled(job: Job, asked: Asked) -> Any:
    if asked.stop:
        if (going := job.backfilling) is None:
            return {"job": job.name, "said": f"No backfill of job {job.name!r} goes on here."}
        going.stop()
        return {"job": job.name, "said": repr(going)}
    if asked.since is None:
        raise BadRequest("A backfill has no beginning. Fix: --since '2026-01-01 00:00'")
    found = job.backfill(asked.since, asked.until, dry=asked.dry)
    told = {name: getattr(found, name) for name in ("job", "name", "times", "left_out", "state")}
    return told | {"said": repr(found)}


def _paused(job: Job, asked: Asked) -> Any:
    job.pause(asked.until)
    until = f" until {asked.until} ({job.definition.timezone})" if asked.until else ""
    return {"job": job.name, "said": f"Job {job.name!r} is paused{until}; its planned times pass without a run."}


def _resumed(job: Job, asked: Asked) -> Any:
    job.resume()
    return {"job": job.name, "said": f"Job {job.name!r} goes on; next {job.next_at or 'never'}."}


def _removed(job: Job, asked: Asked) -> Any:
    job.remove()
    return {"job": job.name, "said": f"Job {job.name!r} is removed, with its runs."}


JOB_ACTIONS: dict[str, Callable[[Job, Asked], Any]] = {
    "show": _shown,
    "account": _account,
    "preview": _preview,
    "runs": lambda job, asked: job.runs[-asked.last :],
    "backfill": _backfilled,
    "pause": _paused,
    "resume": _resumed,
    "remove": _removed,
}


def _read(exchange: Exchange, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(exchange.body, type=kind)
    except msgspec.MsgspecError as exc:
        raise BadRequest(f"The workbench's command line sent what cannot be read: {exc}") from exc
