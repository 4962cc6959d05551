"""A call clicked in Traffic is a green test on the command line; a stale cassette is red, and asks nobody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.testing.notebooks import Outcome, code, workbench_test, write
from tests.ui.conftest import Asking
from workbench import Workbench
from workbench.ui.courier import Courier
from workbench.ui.desk import Desk
from workbench.ui.verbs import VERBS

pytestmark = pytest.mark.timeout(180)

SERVICE = """from workbench import wb, Service, RESTConnection, RESTChannel, LocalFolder
class Asks(Service):
    name = "asks"
    def handle(self):
        self.out.folder["Shelf"].write(f"{self.cid}.txt", "seen", overwrite=True)
        rates = self.out.rest["Rates"].conn.get(self.cid, {"day": "monday"}).data
        return {"rates": rates, "now": self.time.utcnow(), "in": self.request.payload}
wb.define(
    RESTConnection("Rates", host="HOST", path="/now"), LocalFolder("Shelf", path="SHELF"), RESTChannel("asks")
);"""


class Made(NamedTuple):
    """What the click made, and the outside that was asked."""

    folder: Path
    service: str
    said: dict[str, Any]
    outside: Any


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """A notebook whose service was called for real, and whose call was clicked."""
    folder, shelf = tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("shelf")
    with Workbench(port=0) as other, Workbench(port=0, folder=folder) as wb:
        outside: Any = other.peers.start("rest", name="outside")
        outside.reply("/now", json={"EUR": 4.25})
        service = SERVICE.replace("HOST", outside.url).replace("SHELF", str(shelf))
        wb.load(write(folder / "served.ipynb", code(service)))
        answer = wb.call("POST /asks", json={"a": 1})
        assert answer.ok, answer
        desk = Desk(wb, Courier(), VERBS)
        said = Asking(desk)("call test", cid=answer.cid)
        desk.close()
        assert len(outside.requests) == 1, "the replays ask nobody outside"
        assert len(list(shelf.iterdir())) == 1
        yield Made(folder, service, said, outside)


@pytest.fixture(scope="module")
def tested(made: Made) -> Outcome:
    """One run of a notebook with the cell of the test, below one service after the other."""
    test = code(made.said["write"]["code"], tags=tuple(made.said["write"]["tags"]))
    missing = code(str(test["source"]).replace("wb.cassette('asks')", "wb.cassette('gone')"), tags=("test",))
    cells = [code(made.service), test]
    for one, other in (("monday", "sunday"), ('path="/now"', 'path="/then"'), ('"in": self', '"out": self')):
        cells += [code(made.service.replace(one, other)), test]
    write(made.folder / "api.ipynb", *cells, missing)
    (made.folder / "served.ipynb").unlink()
    return workbench_test(made.folder, "--parallel=1")


def told(tested: Outcome, number: int) -> str:
    """What came of the test where it stands for the first time, the second, ..."""
    return tested.cells["api.ipynb", f"asks answers as recorded{f' {number}' if number > 1 else ''}"]


def test_the_click_says_what_it_made_and_what_differs(made: Made) -> None:
    assert made.said["said"].startswith("Test asks: three replays at once passed.")
    assert made.said["noise"] == ["now"]
    assert made.said["by"] == {"Rates": "peer", "Shelf": "peer"}
    assert made.said["write"]["action"] == "insert"
    assert made.said["code"].startswith("%%test asks answers as recorded\n# Answered by peers: Rates, Shelf.\n")


def test_the_cell_is_green_on_the_command_line(made: Made, tested: Outcome) -> None:
    assert told(tested, 1) == "passed", tested.said
    assert len(made.outside.requests) == 1


def test_a_stale_cassette_says_so_and_calls_nobody(made: Made, tested: Outcome) -> None:
    assert "Cassette 'asks' is stale: the service asks now for Rates get('...', {'day': 'sunday'})" in told(tested, 2)
    assert "Cassette 'asks' is stale: connection 'Rates' has another path" in told(tested, 3)
    assert "There is no cassette 'gone' in cassettes/; there are: asks." in told(tested, 5)
    assert all("Fix: " in told(tested, name) for name in (2, 3, 5))
    assert len(made.outside.requests) == 1


def test_a_changed_answer_is_red(tested: Outcome) -> None:
    assert "it differs at " in told(tested, 4)


def test_live_asks_the_outside_again_and_reports_its_drift(made: Made, tested: Outcome) -> None:
    test = code(made.said["write"]["code"], tags=("test",))
    write(made.folder / "api.ipynb", code(made.service), test, test)
    made.outside.reply("/now", json={"EUR": 4.25}, times=1)
    made.outside.reply("/now", json={"EUR": 4.5})
    live = workbench_test(made.folder, "--live", "--parallel=1")
    assert told(live, 1) == "passed", live.said
    assert "The outside has drifted from cassette 'asks':\n" in told(live, 2)
    assert "Rates get answered" in told(live, 2)
    assert len(made.outside.requests) == 3
