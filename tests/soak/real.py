"""`python -m tests.soak.real [runs] [seed]`: transfers between vsftpd, ProFTPD and OpenSSH, cut and killed."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

from tests.servers import RealServer, real_server
from tests.soak.proxy import Proxy
from tests.soak.transfers import Fault, Found, Route, Soak, Trouble, soaked
from workbench.core.definition import Definition
from workbench.sandbox.file_tree import Asked
from workbench.sandbox.journal import Journal

AT_ONCE = 2
MAKES = ("vsftpd", "proftpd", "openssh")
HASTY: dict[str, Any] = {"timeout_seconds": 10.0, "deadline_seconds": 30.0, "retries": 2}


def _cut(*times: int) -> Fault:
    return lambda chance: {
        "after_bytes": chance.randrange(200_000),
        "times": chance.choice(times),
        "hard": chance.random() < 0.5,
    }


CUTS: list[Fault] = [_cut(1, 1, 1, 2, 2, 3, 9), _cut(1), _cut(1), lambda chance: {"refuse": True}]
BRIEF: list[Fault] = [_cut(1, 1, 2)]
CUT, BRIEFLY_CUT = (Trouble(cuts, dict.fromkeys(MAKES, cuts), killed=0.15) for cuts in (CUTS, BRIEF))
"""All that may happen, and what is over soon: a server that is down for long has us wait some seconds each time."""


class Side:
    """One server behind a proxy that cuts."""

    def __init__(self, server: RealServer) -> None:
        self._server, self._proxy = server, Proxy(server.port)
        self.files, self.put = server.files, server.put
        self.fail, self.heal, self.close = self._proxy.fail, self._proxy.heal, self._proxy.close
        self.asked: Journal[Asked] = Journal("request")
        self.definition: Definition = server.definition(server.make, **HASTY).replace(port=self._proxy.port)

    @property
    def cuts(self) -> int:
        """How often connections to it were cut."""
        return self._proxy.cuts


class Real:
    """Every server, and a route from each to each, also to another folder of its own."""

    def __init__(self) -> None:
        self._sides: dict[str, Side] = {}
        with ExitStack() as stack:
            for make in MAKES:
                self._sides[make] = side = Side(stack.enter_context(real_server(make)))
                stack.callback(side.close)
            self._stack = stack.pop_all()
        self.definitions = [side.definition for side in self._sides.values()]
        self.routes = {f"{one}-{other}": Route(one, other, f"from {one}") for one in MAKES for other in MAKES}

    def __getitem__(self, name: str) -> Side:
        return self._sides[name]

    def close(self) -> None:
        """End them."""
        self._stack.close()


def soak(runs: int, seed: int, trouble: Trouble = CUT) -> tuple[Found, int]:
    """So many runs, the same for the same seed as far as time allows, and how often a connection was cut in them.

    Some go on at once, each on servers of its own, since most of it is waiting.
    """
    cuts = []

    def share(number: int) -> Found:
        stage = Real()
        found = soaked(runs // AT_ONCE + (number < runs % AT_ONCE), Soak(seed + number, stage, trouble))
        cuts.append(sum(stage[make].cuts for make in MAKES))
        return found

    with ThreadPoolExecutor(AT_ONCE) as threads:
        each = [*threads.map(share, range(AT_ONCE))]
    return Found(*(sum(parts, type(parts[0])()) for parts in zip(*each, strict=True))), sum(cuts)


if __name__ == "__main__":
    began, words = time.monotonic(), sys.argv[1:]
    found, cuts = soak(int(words[0]) if words else 1_000, int(words[1]) if len(words) > 1 else 1)
    print(f"{found}\n{cuts} cuts, {time.monotonic() - began:.0f} s")
    sys.exit(bool(found.lost or found.truncated or found.duplicated or found.left))
