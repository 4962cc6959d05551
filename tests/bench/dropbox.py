"""Uploads by a Dropbox connection beside a bare loop over the SDK, both asking one peer in a process of its own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import dropbox
import requests
from dropbox.files import WriteMode
from requests.adapters import HTTPAdapter

from tests.bench.figures import Row
from tests.bench.moving import NAMES, peers
from workbench import Workbench, secret
from workbench.core.secret import give

ROUNDS, CALLS = 11, 40
SMALL, LARGE = 10_000, 6 << 20


class ToPeer(HTTPAdapter):
    """Leads requests for Dropbox's hosts to the peer, which speaks plain HTTP."""

    def __init__(self, url: str, **pool: Any) -> None:
        self.url = url
        super().__init__(**pool)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        request.url = self.url + urlsplit(str(request.url)).path
        return super().send(request, *args, **kwargs)


def rows() -> Iterator[Row]:
    """Small files and large ones, by the connection's `upload` and by its client."""
    with peers("ftp", "dropbox", 0) as told, Workbench(port=0) as wb, requests.Session() as session:
        for name, value in told["secrets"].items():
            give(name, value)
        definition = eval(told["definitions"][1], {**NAMES, "secret": secret})
        wb.define(definition)
        conn: Any = wb.connections[definition.name].conn
        session.trust_env = False
        session.mount("https://", ToPeer(definition.api_url))
        bare = dropbox.Dropbox("any", session=session, user_agent="bench/1.0")
        overwrite = WriteMode.overwrite
        for size, calls in ((SMALL, CALLS), (LARGE, 2)):
            # Contents differ, or nothing would be kept.
            contents = [os.urandom(size) for _ in range(2 * calls)]
            ways: dict[str, Callable[[bytes], object]] = {
                "upload": lambda each: conn.upload("ours.bin", each),
                "client": lambda each: conn.client.files_upload(each, "/client.bin", mode=overwrite),
                "bare": lambda each: bare.files_upload(each, "/bare.bin", mode=overwrite),
            }
            found = _rounds(ways, contents, calls)
            name = f"Dropbox uploads of {size >> 10:,} KiB"
            for way, said in (("upload", "conn.upload"), ("client", "conn.client")):
                paces, costs = ([list(each) for each in zip(*found[key], strict=True)] for key in (way, "bare"))
                cpu = f"{name} by {said}: CPU"
                yield Row(f"{name} by {said}", "files/s", paces[0], costs[0], "the SDK", 0.8, True, only_if_steady=True)
                yield Row(cpu, "ms", paces[1], costs[1], "the SDK", 0.8, only_if_steady=True)


def _rounds(
    ways: dict[str, Callable[[bytes], object]], contents: list[bytes], calls: int
) -> dict[str, list[tuple[float, float]]]:
    """Files in a second, and CPU time for one [ms], round by round; the first one warms up."""
    found: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    for number in range(ROUNDS + 1):
        # In turns, or who comes second would find what the first has left in the caches.
        for way, act in sorted(ways.items(), reverse=number % 2 == 1):
            began, spent = time.perf_counter(), time.process_time()
            for each in contents[:: 2 if number % 2 else -2][:calls]:
                act(each)
            took = time.perf_counter() - began
            if number:
                found[way].append((calls / took, (time.process_time() - spent) / calls * 1e3))
    return found
