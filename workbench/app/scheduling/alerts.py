"""Who a job names in `on_alert` is told: of a watch that changes, and for a URL of every start and end of a run."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from threading import BoundedSemaphore, Lock, Thread, current_thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from workbench.connections.live import LiveConnections
from workbench.connections.rest.definition import RESTConnection
from workbench.connections.smtp.message import SMTPMessage
from workbench.core.cid import new_cid
from workbench.core.errors import WorkbenchError
from workbench.core.events import Events
from workbench.core.failure import sentence_of
from workbench.core.forking import forgets_when_forked
from workbench.core.masking import mask
from workbench.scheduler.definitions import AnyJob, alerts_by
from workbench.scheduler.ports import Invoke
from workbench.scheduler.records import Run, RunEnded, RunStarted, WatchChanged

log = logging.getLogger("workbench.scheduler")

MOST_WAITING = 1_000
"""Alerts that wait to be sent; a further one is left out, which is logged."""

LONGEST_SECONDS = 10.0
"""Longest time for one call of a URL, its tries together [s]."""


class Alerts:
    """Sends alerts one after another, on the thread `workbench-alerts`, so that a start comes before its end.

    What is not taken is logged, and not sent again. URLs are called as services like Healthchecks take it: `URL/start`
    when a run starts, `URL` when it ended well, `URL/fail`, with the reason as its body, when it ended badly or a watch
    tripped. Runs by hand and of backfills are not told. Source: https://healthchecks.io/docs/http_api/.
    """

    def __init__(
        self, events: Events, definition: Callable[[str], AnyJob], live: LiveConnections, invoke: Invoke, app: str
    ) -> None:
        """Listen.

        Args:
            events: Of jobs.
            definition: The job of a name; raises UnknownName.
            live: The connections.
            invoke: Runs a service.
            app: What mails call the application.
        """
        self._definition, self._live, self._invoke, self._app = definition, live, invoke, app
        self.calls_urls = True
        """Whether URLs are called: not on a trip, whose runs are none of the machine's."""
        self.forget()
        forgets_when_forked(self)
        self._ends = [
            events.subscribe(RunStarted, lambda event: self._ran(event.run, "/start")),
            events.subscribe(RunEnded, self._ended),
            events.subscribe(WatchChanged, self._watched),
        ]

    def forget(self) -> None:
        """In a forked child: the thread and what waits for it are the parent's."""
        self._waiting: SimpleQueue[tuple[AnyJob, Callable[[], None]] | None] = SimpleQueue()
        self._room, self._lock = BoundedSemaphore(MOST_WAITING), Lock()
        self._sender: Thread | None = None
        self._is_closed = False

    def close(self, timeout: float = LONGEST_SECONDS) -> None:
        """Listen no more; what waits is left out, what is being sent is waited for, `timeout` [s] at most."""
        for end in self._ends:
            end()
        with self._lock:
            self._is_closed = True
        self._waiting.put(None)
        if self._sender is not None and self._sender is not current_thread():
            self._sender.join(timeout)

    def _ended(self, event: RunEnded) -> None:
        run = event.run
        if run.started is not None and (run.ok or run.mood == "failed"):
            self._ran(run, "" if run.ok else "/fail")

    def _ran(self, run: Run, suffix: str) -> None:
        if not self.calls_urls or run.by in ("hand", "backfill"):
            return
        job = self._job(run.job)
        if job is not None and job.on_alert and alerts_by(job.on_alert) == "URL":
            self._send(job, partial(self._call, job.name, job.on_alert, suffix, run.error if suffix == "/fail" else ""))

    def _watched(self, event: WatchChanged) -> None:
        job = self._job(event.job)
        if job is None or not job.on_alert:
            return
        match alerts_by(job.on_alert):
            case "URL" if not self.calls_urls:
                pass
            case "URL":
                # That all is well again, the next run says.
                if event.has_tripped:
                    self._send(job, partial(self._call, job.name, job.on_alert, "/fail", event.words))
            case "mail":
                self._send(job, partial(self._mail, job.on_alert, event))
            case _:
                self._send(job, partial(self._tell_service, job, event))

    def _job(self, name: str) -> AnyJob | None:
        try:
            return self._definition(name)
        except WorkbenchError:
            return None

    def _send(self, job: AnyJob, send: Callable[[], None]) -> None:
        if not self._room.acquire(blocking=False):
            log.warning("an alert of job %r is left out, since %d wait already", job.name, MOST_WAITING)
            return
        with self._lock:
            if self._is_closed:
                return
            if self._sender is None:
                # No thread of an executor: the interpreter waits at its end for those, whatever hangs in them.
                self._sender = Thread(target=self._work, name="workbench-alerts", daemon=True)
                self._sender.start()
        self._waiting.put((job, send))

    def _work(self) -> None:
        while (waiting := self._waiting.get()) is not None:
            if not self._is_closed:
                self._sent(*waiting)

    def _sent(self, job: AnyJob, send: Callable[[], None]) -> None:
        try:
            send()
        except Exception as exc:
            target = job.on_alert or ""
            # Whoever has the path of such a URL can call it.
            path = urlsplit(target).path.rstrip("/") if alerts_by(target) == "URL" else ""
            said = mask(sentence_of(exc))
            said = said.replace(path, "/...") if path else said
            log.warning("an alert of job %r did not arrive: %s", job.name, said)
        finally:
            self._room.release()

    def _call(self, name: str, url: str, suffix: str, text: str) -> None:
        at = urlsplit(url)
        definition = RESTConnection(
            "on_alert",
            host=f"{at.scheme}://{at.netloc}",
            path=(at.path.rstrip("/") + suffix) or "/",
            deadline_seconds=LONGEST_SECONDS,
        )
        with self._live.opened(definition) as conn:
            query = dict(parse_qsl(at.query, keep_blank_values=True))
            answer = conn.post(new_cid(), mask(text), query) if text else conn.get(new_cid(), query)
            if not answer.ok:
                raise AlertRefused(name, answer.status_code)

    def _mail(self, target: str, event: WatchChanged) -> None:
        connection, _, address = target.rpartition(":")
        what = event.words if event.has_tripped else "all is well again"
        text = (
            f"Job {event.job!r} of {self._app}: {what}.\n\nTold by its watch {event.watch!r} at {event.at:%F %T} UTC.\n"
        )
        state = "ALERT" if event.has_tripped else "well again"
        message = SMTPMessage(to=address, subject=f"{state}: job {event.job!r} ({self._app})", body=mask(text))
        item = self._live.item("smtp", connection)
        # A connection without a sender of its own must not lose the alert.
        item.conn.send(message, from_=item.definition.from_ or address)

    def _tell_service(self, job: AnyJob, event: WatchChanged) -> None:
        assert job.on_alert is not None
        facts: dict[str, Any] = msgspec.to_builtins(event) | {"service": job.service}
        text = msgspec.json.encode(facts).decode()
        names = {"job_name": job.name, "job_type": job.job_type}
        result = self._invoke(job.on_alert, text, planned_at=event.at, on_cancel=lambda tell: None, **names)
        if result.outcome != "ok":
            log.warning("service %r, which is told alerts of job %r, failed: %s", job.on_alert, job.name, result.error)


class AlertRefused(WorkbenchError):
    """The URL that a job names for its alerts answered with an error."""

    def __init__(self, job: str, status: int) -> None:
        super().__init__(f"The URL of job {job!r} answered {status}. Fix: look whether its check still exists.")
