"""What a supervisor answers at the own addresses, for all of its worker processes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from operator import itemgetter
from typing import Any
from urllib.parse import parse_qs, urlencode

import msgspec

from workbench.app.serving.asking import NotReached, Refused, ask, relay
from workbench.app.serving.clients import CLIENTS, DISCONNECT, MOST_TOLD
from workbench.app.serving.crew.crew import Crew
from workbench.app.serving.crew.worker import Worker
from workbench.app.serving.internal.by_name import PREFIXES
from workbench.app.serving.runtime_file import Running
from workbench.app.serving.told import LAST
from workbench.channels.answers import Answer
from workbench.channels.exchange import Exchange
from workbench.channels.own import Admin, Page
from workbench.core.errors import ConnectionFailed, WorkbenchError

ASK_SECONDS = 5.0
"""Longest wait for what one worker process says of itself [s]."""
DEFINE_SECONDS = 120.0
"""Longest wait until one worker process has put a file of definitions into force [s]."""
BETWEEN_SECONDS = 0.5
"""How long a page waits that finds nobody ready [s]."""


class NothingServes(WorkbenchError):
    """No worker process is ready."""

    def __init__(self) -> None:
        super().__init__("No worker process is ready now; another one starts. Fix: ask again.")


class WholeCrew(Mapping[tuple[str, str], Admin]):
    """The own addresses: what each process has of its own is put together, all else one of them answers.

    Args:
        crew: The worker processes.
        url: Their address.
        token: What opens their own addresses.
    """

    def __init__(self, crew: Crew, url: str, token: str) -> None:
        self._crew, self._url, self._token = crew, url, token
        self._public: dict[tuple[str, str], bool] = {}
        self._of_all: dict[tuple[str, str], Admin] = {
            ("GET", "/workbench/status"): self._status,
            ("GET", "/workbench/traffic"): self._traffic,
            ("GET", "/workbench/log"): self._log,
            ("GET", CLIENTS): self._clients,
            ("POST", DISCONNECT): self._first_that_has,
            ("POST", "/workbench/look"): self._look,
            ("POST", "/workbench/invoke"): self._invoke,
            ("POST", "/workbench/caches/get"): self._first_that_has,
            ("POST", "/workbench/caches/set"): self._in_each_cache,
            ("POST", "/workbench/caches/delete"): self._in_each_cache,
            ("POST", "/workbench/definitions/apply"): self._defined_in_each,
            ("POST", "/workbench/definitions/define"): self._defined_in_each,
            ("POST", "/workbench/import"): self._refuse_import,
        }

    def __getitem__(self, address: tuple[str, str]) -> Admin:
        addresses = self._addresses()
        return Page(self._of_all.get(address, self._relay), is_public=addresses[address], waits=True)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._addresses())

    def __len__(self) -> int:
        return len(self._addresses())

    def _addresses(self) -> dict[tuple[str, str], bool]:
        """Which addresses there are, and which of them are public; as last told while nobody is ready."""
        if (ready := self._crew.ready) and ready[0].told is not None:
            self._public = {(method, path): public for method, path, public in ready[0].told.addresses}
        return self._public

    def _ready(self) -> list[Worker]:
        if not (ready := self._crew.ready):
            raise NothingServes
        return ready

    def _relay(self, exchange: Exchange) -> Answer:
        """What the first answers that listens; one that has begun to answer is asked alone."""
        for worker in self._ready():
            try:
                return relay(_url_of(worker), exchange)
            except NotReached:
                continue
        raise NothingServes

    def _asked(
        self,
        worker: Worker,
        exchange: Exchange,
        query: Mapping[str, Any] | None = None,
        seconds: float = ASK_SECONDS,
    ) -> Any:
        target = Running(worker.pid, self._url, self._token, f"worker process {worker.number}", own_url=_url_of(worker))
        path = exchange.path
        if query is None and exchange.query:
            path = f"{path}?{exchange.query}"
        elif query:
            path = f"{path}?{urlencode(query)}"
        body = json.loads(exchange.body) if exchange.body else None
        return ask(target, exchange.method, path, body, seconds)

    def _each(self, exchange: Exchange, query: Callable[[Worker], Mapping[str, Any] | None]) -> dict[Worker, Any]:
        """What each of them answers that lives to do so."""
        found = {}
        for worker in self._ready():
            try:
                found[worker] = self._asked(worker, exchange, query(worker))
            except ConnectionFailed:
                continue
        if not found:
            raise NothingServes
        return found

    def _status(self, exchange: Exchange) -> Any:
        told = list(self._each(exchange, lambda worker: None).values())
        whole = {**told[0], "url": self._url, "stuck": {}}
        for each in told:
            for service, count in each["stuck"].items():
                whole["stuck"][service] = whole["stuck"].get(service, 0) + count
            for name in ("startup", "services", "channels", "jobs"):
                whole[name] = list(dict.fromkeys([*whole[name], *each[name]]))
        return whole | {"workers": [msgspec.to_builtins(each) for each in self._crew.facts]}

    def _traffic(self, exchange: Exchange) -> Any:
        asked = _asked_of(exchange)
        if "cid" in asked:
            return self._first_that_has(exchange)
        told = self._each(exchange, lambda worker: None)
        calls = [{**call, "worker": worker.number} for worker, calls in told.items() for call in calls]
        return sorted(calls, key=itemgetter("at"))[-int(asked.get("last", LAST)) :]

    def _log(self, exchange: Exchange) -> Any:
        """The lines of all; the total to go on from has that of each, by its process: `101.17-102.5`."""
        asked = _asked_of(exchange)
        after = dict(each.split(".") for each in asked["after"].split("-")) if "after" in asked else None

        def query(worker: Worker) -> dict[str, Any]:
            return asked if after is None else {**asked, "after": after.get(str(worker.pid), 0)}

        told = self._each(exchange, query)
        lines = [{**line, "worker": worker.number} for worker, each in told.items() for line in each["lines"]]
        lines.sort(key=itemgetter("at"))
        if after is None and "cid" not in asked:
            lines = lines[-int(asked.get("last", LAST)) :]
        return {"total": "-".join(f"{worker.pid}.{each['total']}" for worker, each in told.items()), "lines": lines}

    def _clients(self, exchange: Exchange) -> Any:
        told = self._each(exchange, lambda worker: None)
        clients = [{**client, "worker": worker.number} for worker, each in told.items() for client in each["clients"]]
        clients.sort(key=itemgetter("since"))
        number, now = sum(each["number"] for each in told.values()), max(each["now"] for each in told.values())
        return {"clients": clients[:MOST_TOLD], "number": number, "now": now}

    def _first_that_has(self, exchange: Exchange) -> Any:
        refused: WorkbenchError = NothingServes()
        for worker in self._ready():
            try:
                return self._asked(worker, exchange)
            except (Refused, ConnectionFailed) as exc:
                refused = exc
        raise refused

    def _invoke(self, exchange: Exchange) -> Any:
        """Run a service in one of them; the workbench's own, which change what there is, in each."""
        asked = json.loads(exchange.body)
        is_own = isinstance(asked, dict) and str(asked.get("service", "")).startswith(PREFIXES)
        return self._in_each(exchange)[0] if is_own else self._relay(exchange)

    def _in_each_cache(self, exchange: Exchange) -> Any:
        done = self._in_each(exchange)
        where = f"{len(done)} worker process{'' if len(done) == 1 else 'es'}"
        return {**done[0], "said": f"{done[0]['said'].rstrip('.')}, in {where}."}

    def _in_each(self, exchange: Exchange) -> list[Any]:
        """What each answers that can do the same; what is deleted need not be in all of them."""
        refused: list[WorkbenchError] = []
        done = []
        with self._crew.defining:
            for worker in self._ready():
                try:
                    done.append(self._asked(worker, exchange))
                except (Refused, ConnectionFailed) as exc:
                    refused.append(exc)
        if not done:
            raise refused[0]
        return done

    def _defined_in_each(self, exchange: Exchange) -> Any:
        """Put definitions into force in each; one that ends meanwhile is followed by one that reads what is kept."""
        told = []
        with self._crew.defining:
            for worker in self._ready():
                try:
                    told.append(self._asked(worker, exchange, seconds=DEFINE_SECONDS))
                except ConnectionFailed:
                    continue
        if not told:
            raise NothingServes
        return told[0]

    def _refuse_import(self, exchange: Exchange) -> Answer:
        raise WorkbenchError(
            "Several worker processes serve this file, and one that starts later would have nothing of the folder. "
            "Fix: write wb.load(FOLDER) into the file; a save has all of them load it."
        )

    def _look(self, exchange: Exchange) -> Any:
        """What a page is told by the process that it is shown; when that ends, the page begins anew at the next."""
        try:
            answer = self._relay(exchange)
            if not self._goes_on(answer):
                return answer
        except WorkbenchError:
            if self._crew.is_ending:
                raise
        time.sleep(BETWEEN_SECONDS)
        return {"last": json.loads(exchange.body).get("after", 0), "told": [], "over": False, "anew": False}

    def _goes_on(self, answer: Answer) -> bool:
        """Whether a process tells its page that all is over, and others go on."""
        return answer.status == 200 and not self._crew.is_ending and bool(json.loads(answer.body).get("over"))


def _asked_of(exchange: Exchange) -> dict[str, Any]:
    return {name: values[-1] for name, values in parse_qs(exchange.query).items()}


def _url_of(worker: Worker) -> str:
    assert worker.told is not None
    return worker.told.own_url
