"""`make demo`: runs a notebook in a kernel, then calls its services from outside, as any other program would.

    python -m tests.demo [NOTEBOOK]

Every step is printed with what came back; the exit status is 0 only if all of it was what the notebook promises.
The callers are `http.client` and nothing of the workbench.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.kernels import ROOT, Kernel

CELL_SECONDS = 60.0
CALL_SECONDS = 10.0
PASSWORD = "a password of this run alone"


class Reply(NamedTuple):
    """What came back over HTTP."""

    status: int
    headers: Mapping[str, str]
    text: str


class Expected(NamedTuple):
    """One call from outside, and what must come back."""

    why: str
    call: str
    status: int
    holds: Callable[[Reply], bool] = lambda reply: True
    body: str | None = None
    headers: Mapping[str, str] = {}


class Demo:
    """Runs the steps one by one and keeps count of what was not confirmed."""

    def __init__(self) -> None:
        self.failed = 0
        self._started = time.monotonic()

    def say(self, text: str) -> None:
        print(f"[{time.monotonic() - self._started:6.2f} s] {text}", flush=True)

    def confirm(self, what: str, ok: bool, seen: str) -> None:
        """Print a step with what came back."""
        self.failed += not ok
        self.say(f"{'ok    ' if ok else 'WRONG '} {what}")
        for line in seen.rstrip().splitlines()[:6]:
            print(f"{'':18}{line[:150]}", flush=True)


def told(headers: Mapping[str, str]) -> dict[str, str]:
    """Header names in lower case."""
    return {name.lower(): value for name, value in headers.items()}


def send(url: str, expected: Expected) -> Reply:
    """Make one call with the standard library alone."""
    method, target = expected.call.split(" ", 1)
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=CALL_SECONDS)
    try:
        connection.request(method, target, expected.body, dict(expected.headers))
        response = connection.getresponse()
        return Reply(response.status, told(dict(response.getheaders())), response.read().decode())
    finally:
        connection.close()


def basic(user: str, password: str) -> dict[str, str]:
    """The header of HTTP's Basic authentication."""
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


def parsed(reply: Reply) -> Any:
    """A JSON body."""
    return json.loads(reply.text)


HELLO = (
    Expected("The server is up.", "GET /ping", 200),
    Expected(
        "The service answers, in its second version; the cell that failed changed nothing.",
        "GET /api/hello?name=Grace",
        200,
        lambda reply: reply.text == "Hello Grace!\n" and bool(reply.headers["x-zato-cid"]),
    ),
    Expected(
        "A good order is taken.",
        "POST /api/orders",
        200,
        lambda reply: parsed(reply) == {"item": "tea", "total": 12},
        body='{"item": "tea", "count": 4}',
        headers={"Content-Type": "application/json"},
    ),
    Expected(
        "A bad one is told everything that is wrong with it.",
        "POST /api/orders",
        400,
        lambda reply: "count" in parsed(reply)["details"] and "item" in parsed(reply)["details"],
        body='{"count": "many"}',
    ),
    Expected("No body at all is a bad order too.", "POST /api/orders", 400),
    Expected(
        "The wrong method is told the right one.",
        "DELETE /api/orders",
        405,
        lambda reply: "POST" in reply.headers["allow"],
    ),
    Expected(
        "Without credentials nobody gets in.",
        "GET /api/secret",
        401,
        lambda reply: reply.headers["www-authenticate"].startswith("Basic"),
    ),
    Expected("With a wrong password nobody does.", "GET /api/secret", 401, headers=basic("my.user", "guessed")),
    Expected(
        "The user gets in.",
        "GET /api/secret?name=me",
        200,
        lambda reply: reply.text == "Hello me!\n",
        headers=basic("my.user", PASSWORD),
    ),
    Expected(
        "The limit that the notebook used up holds for the next caller, who never learns what it was.",
        "GET /api/rare",
        429,
        lambda reply: parsed(reply)["details"] == "Error 429 Too Many Requests" and "3/d" not in reply.text,
    ),
    Expected(
        "A service fetches from another system and answers with what it got.",
        "GET /api/price/EUR",
        200,
        lambda reply: parsed(reply) == {"tea": 3.24, "currency": "EUR"},
    ),
    Expected("An unknown currency is not found.", "GET /api/price/XYZ", 404),
    Expected("An unknown address is not found.", "GET /api/nowhere", 404),
    Expected(
        "A page of another site gets nothing.",
        "GET /api/hello",
        403,
        headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    ),
)

SYNC = (
    Expected("The server is up.", "GET /ping", 200),
    Expected("The service of the schedule runs from outside, too.", "POST /api/sync", 200),
)

STORIES: dict[str, tuple[Expected, ...]] = {"00-hello.ipynb": HELLO, "01-scheduled-sync.ipynb": SYNC}

# What the peers in the kernel must have seen once the calls are made: a sentence, and an expression.
# Five runs by then: invoked, by hand, three times by the clock; the call from outside is the sixth.
EFFECTS: dict[str, tuple[tuple[str, str], ...]] = {
    "01-scheduled-sync.ipynb": (
        ("The REST source was asked every time.", "len(wb.peers['My Data Source'].requests) >= 6"),
        ("Every run sent its mail.", "len(wb.peers['My SMTP'].messages) == len(wb.peers['My Data Source'].requests)"),
        ("The last mail has its cc.", "wb.peers['My SMTP'].messages[-1].cc == ['hello.cc@example.com']"),
        (
            "Its attachment is what Redis keeps, and what the source gave.",
            "wb.peers['My SMTP'].messages[-1].attachments['my.data.txt'] == wb.kvdb.conn.get('newest.data').encode() "
            '== b\'{"EUR": 1.08, "PLN": 0.25}\'',
        ),
        ("The clock ran the job three times.", "[run.outcome for run in wb.jobs['sync demo'].runs] == ['ok'] * 3"),
    ),
}


def run_cells(demo: Demo, kernel: Kernel, notebook: Path) -> None:
    """Run every code cell; one may fail only if its tag says that it does."""
    for number, cell in enumerate(json.loads(notebook.read_text())["cells"], 1):
        if cell["cell_type"] != "code":
            continue
        code = "".join(cell["source"])
        may_raise = "raises-exception" in cell["metadata"].get("tags", ())
        outputs = kernel.wait(kernel.send(code), CELL_SECONDS, fails=may_raise, code=code)
        first = next(line for line in code.splitlines() if line.strip())
        demo.confirm(f"cell {number}: {first}", True, "\n".join(filter(None, map(shown, outputs.items))))


def shown(output: Mapping[str, Any]) -> str:
    """One output of a cell as text."""
    return str(output.get("text") or output.get("data", {}).get("text/plain") or output.get("evalue", "")).rstrip()


def main(arguments: list[str]) -> int:
    """Run the notebooks that are named, or every one there is a story for, each with its calls."""
    notebooks = [Path(each) for each in arguments] or [ROOT / "notebooks" / name for name in STORIES]
    if unknown := [each.name for each in notebooks if each.name not in STORIES]:
        print(f"No calls are written down for {unknown[0]!r}; there are: {', '.join(STORIES)}.", file=sys.stderr)
        return 2
    return max(run_story(each) for each in notebooks)


def run_story(notebook: Path) -> int:
    """Run one notebook and its calls; 0 if all of it was confirmed."""
    demo = Demo()
    with tempfile.TemporaryDirectory() as folder:
        env = {"WORKBENCH_PORT": "0", "WORKBENCH_STORE": "memory://", "JUPYTER_RUNTIME_DIR": folder}
        kernel = Kernel("workbench", cwd=Path(folder), env=env | {"MY_USER_PASSWORD": PASSWORD})
        demo.say(f"Starting a kernel for {notebook.name}")
        try:
            with kernel:
                run_cells(demo, kernel, notebook)
                url = kernel.run("print(wb.url)").stdout.strip()
                demo.say(f"Calling {url} from process {os.getpid()}; the kernel is process {kernel.pid}")
                for each in STORIES[notebook.name]:
                    check(demo, url, each)
                for what, expression in EFFECTS.get(notebook.name, ()):
                    said = kernel.run(f"print({expression})").stdout.strip()
                    demo.confirm(what, said == "True", expression)
            demo.confirm("The server is gone with its kernel.", not answers(url), "")
        except (AssertionError, TimeoutError, OSError) as exc:
            demo.confirm("The story goes on.", False, str(exc))
    demo.say(f"NOT confirmed: {demo.failed} of the steps." if demo.failed else "Everything was confirmed.")
    return 1 if demo.failed else 0


def check(demo: Demo, url: str, expected: Expected) -> None:
    """Make one call and compare."""
    reply = send(url, expected)
    try:
        ok = reply.status == expected.status and expected.holds(reply)
    except (KeyError, ValueError):
        ok = False
    wanted = "" if ok else f"\nexpected {expected.status}"
    demo.confirm(f"{expected.call}  {expected.why}", ok, f"{reply.status} {reply.text.rstrip()}{wanted}")


def answers(url: str) -> bool:
    """Whether the server still answers."""
    try:
        send(url, HELLO[0])
    except OSError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
