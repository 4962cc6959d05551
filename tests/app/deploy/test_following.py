"""A folder that was loaded follows its files: a save goes live, and what fails leaves the version before."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.app.deploy.test_folders import own_modules as own_modules
from tests.app.deploy.test_folders import service
from tests.kernels import ROOT
from tests.serving import until
from tests.serving import wb as wb
from workbench import RESTChannel, Service, Workbench
from workbench.app.configuration.startup.anew import Known
from workbench.app.deploy.folders.following import Following
from workbench.core.clock import VirtualClock
from workbench.core.errors import DeployRefused, UnknownName
from workbench.core.origin import NOTEBOOK
from workbench.runtime.registry import Source

CHANNEL = "RESTChannel:\n  - {name: o, service: orders.get, path: /o}\n"


class Shop:
    """A folder of services, loaded into a workbench that looks at it when it is told to."""

    def __init__(self, wb: Workbench, folder: Path) -> None:
        self.wb, self.folder, self.times = wb, folder, 0

    def write(self, **files: str | None) -> None:
        """Write files by their names, with `_py` or `_yaml` at the end; None removes one."""
        for name, text in files.items():
            path = self.folder / name.replace("_py", ".py").replace("_yaml", ".yaml")
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                path.unlink()
                continue
            path.write_text(text)
            self.times += 1  # a clock of a file system may be coarse
            os.utime(path, ns=(self.times, self.times))

    def load(self, **files: str | None) -> Any:
        """Write files, and load the folder."""
        self.write(**files)
        return self.wb.load(self.folder)

    def save(self, **files: str | None) -> list[str]:
        """Write files, have them go live, and give what the log says of that."""
        before = self.wb.log.total
        self.write(**files)
        self.wb.following.look()
        self.wb.following.look()
        return [each.text for each in self.wb.log.after(before)[0]] if self.wb.log.total > before else []


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.chdir(tmp_path)
    with Workbench(port=0, folder=tmp_path, clock=VirtualClock()) as wb:
        yield Shop(wb, tmp_path / "shop")


def test_a_saved_service_is_live_in_its_next_version(shop: Shop) -> None:
    done = shop.load(orders_py=service("Get", "return 1"), stock_py=service("Stock", "return 7"))
    assert repr(done).splitlines()[1] == "A save of its files goes live; wb.log says so."
    assert shop.save(orders_py=service("Get", "return 2")) == [
        f"{shop.folder}: orders.py changed. Live: orders.get v2."
    ]
    assert (shop.wb.invoke("orders.get"), shop.wb.invoke("stock.stock")) == (2, 7)
    assert shop.save() == []


def test_files_that_did_not_change_are_not_run_again(shop: Shop) -> None:
    count = "with open(__file__ + '.ran', 'a') as file:\n    file.write('x')\n"
    shop.load(orders_py=service("Get", above=count), stock_py=service("Stock", above=count))
    shop.save(orders_py=service("Get", "return 2", above=count))
    assert [(shop.folder / f"{name}.py.ran").read_text() for name in ("orders", "stock")] == ["xx", "x"]


def test_a_saved_helper_is_used_by_what_imports_it(shop: Shop) -> None:
    shop.load(
        tax_py="def tax(value):\n    return value * 2\n",
        prices_py="from tax import tax\ndef price():\n    return tax(10)\n",
        orders_py=service("Get", "return price()", above="from prices import price"),
    )
    assert shop.wb.invoke("orders.get") == 20
    shop.save(tax_py="def tax(value):\n    return value * 3\n")
    assert shop.wb.invoke("orders.get") == 30


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("class Get(:\n", "orders.py, line 1: Python does not understand it"),
        (service("Get", above="import no_such_module"), "The package 'no_such_module' is not installed here."),
        (service("Get", above="1 / 0"), "ZeroDivisionError"),
        (service("Get", inside="name = 'a\\tb'"), "has the name 'a\\tb'"),
    ],
)
def test_a_broken_file_leaves_what_was_live_and_says_why(shop: Shop, broken: str, said: str) -> None:
    shop.load(orders_py=service("Get", "return 1"), enmasse_yaml=CHANNEL)
    told = shop.save(orders_py=broken)
    assert told[0] == f"{shop.folder}: orders.py changed."
    assert told[1].startswith("What was live of it stays. orders.py")
    assert said in told[1]
    assert "Fix: " in told[1]
    assert (shop.wb.invoke("orders.get"), shop.wb.call("GET /o").status) == (1, 200)
    shop.save(orders_py=service("Get", "return 3"))
    assert shop.wb.invoke("orders.get") == 3


def test_broken_definitions_leave_what_was_in_force_and_say_why(shop: Shop) -> None:
    shop.load(orders_py=service("Get", "return 1"), enmasse_yaml=CHANNEL)
    told = shop.save(enmasse_yaml=CHANNEL.replace("path", "pathh"))
    assert told[1].startswith("What was live of it stays. enmasse.yaml:2")
    assert shop.wb.call("GET /o").status == 200
    shop.save(enmasse_yaml=CHANNEL.replace("/o", "/p"))
    assert [shop.wb.call(f"GET {path}").status for path in ("/o", "/p")] == [404, 200]


def test_a_new_file_goes_live(shop: Shop) -> None:
    shop.load(orders_py=service("Get"))
    told = shop.save(stock_py=service("Stock", "return 7"), enmasse_yaml=CHANNEL.replace("orders.get", "stock.stock"))
    assert told == [f"{shop.folder}: enmasse.yaml, stock.py changed. Live: RESTChannel 'o', stock.stock v1."]
    assert shop.wb.call("GET /o").text == "7"


def test_what_a_file_has_no_longer_is_gone(shop: Shop) -> None:
    defines = "from workbench import wb, FTPConnection\nwb.define(FTPConnection('Depot', host='localhost'))\n"
    both = service("Get") + service("Put").removeprefix("from zato.server.service import Service\n")
    shop.load(orders_py=defines + both, enmasse_yaml=CHANNEL)
    assert list(shop.wb.services) == ["orders.get", "orders.put"]
    told = shop.save(orders_py=service("Get"), enmasse_yaml="RESTChannel: []\n")
    assert sorted(told[1:]) == [
        "FTP 'Depot' is gone, since shop/orders.py has it no longer.",
        "REST 'o' is gone, since shop/enmasse.yaml has it no longer.",
        "orders.put is gone, since shop/orders.py has it no longer.",
    ]
    assert (list(shop.wb.services), list(shop.wb.channels), list(shop.wb.connections)) == (["orders.get"], [], [])


def test_what_a_removed_file_had_is_gone_but_for_jobs(shop: Shop) -> None:
    job = "IntervalJob:\n  - {name: hourly, service: stock.stock, hours: 1}\n"
    shop.load(orders_py=service("Get"), stock_py=service("Stock"), enmasse_yaml=CHANNEL + job)
    told = shop.save(stock_py=None, enmasse_yaml=None)
    assert "REST 'o' is gone, since shop/enmasse.yaml has it no longer." in told
    assert "stock.stock is gone, since shop/stock.py has it no longer." in told
    job_told = next(each for each in told if "hourly" in each)
    assert job_told.endswith("stays, though shop/enmasse.yaml has it no longer. Fix: wb.jobs.remove('hourly')")
    assert (list(shop.wb.services), list(shop.wb.channels), list(shop.wb.jobs)) == (["orders.get"], [], ["hourly"])


def test_a_service_may_move_from_one_file_to_another(shop: Shop) -> None:
    named = service("Get", "return {}", inside="name = 'shop.get'")
    shop.load(first_py=named.format(1), second_py=service("Other"), enmasse_yaml=CHANNEL.replace("orders", "shop"))
    for files in ({"first_py": None, "second_py": named.format(2)}, {"a_py": named.format(3), "second_py": None}):
        told = shop.save(**files)
        assert shop.wb.call("GET /o").text == next(each for each in files.values() if each)[-2]
        assert "shop.get is gone" not in " ".join(told)
    assert str(shop.wb.services["shop.get"]) == "shop.get v3"


def test_definitions_may_move_to_a_file_of_another_name(shop: Shop) -> None:
    defines = "from workbench import wb, FTPConnection\nwb.define(FTPConnection('Depot', host='localhost'))\n"
    shop.load(orders_py=service("Get"), depot_py=defines, a_yaml=CHANNEL)
    told = shop.save(a_yaml=None, b_yaml=CHANNEL, depot_py=None, store_py=defines)
    assert told[0].startswith(f"{shop.folder}: b.yaml, store.py changed; a.yaml, depot.py are gone.")
    assert [each for each in told[1:] if "gone" in each] == []
    assert (list(shop.wb.channels), list(shop.wb.connections)) == (["o"], ["Depot"])
    told = shop.save(b_yaml=None, store_py=None)
    assert (list(shop.wb.channels), list(shop.wb.connections)) == ([], [])


def test_a_removed_helper_is_missed_by_what_imports_it(shop: Shop) -> None:
    tax = "def tax(value):\n    return value * 2\n"
    prices = "from tax import tax\ndef price():\n    return tax(10)\n"
    shop.load(
        tax_py=tax, prices_py=prices, orders_py=service("Get", "return price()", above="from prices import price")
    )
    told = shop.save(tax_py=None)
    assert told[0] == f"{shop.folder}: tax.py is gone."
    assert told[1].startswith("What was live of it stays. orders.py, line 2, by prices.py, line 1: ")
    assert "No module named 'tax'" in told[1]
    assert shop.wb.invoke("orders.get") == 20
    assert shop.save(tax_py=tax.replace("2", "3"))[1:] == []
    assert shop.wb.invoke("orders.get") == 30


def test_of_a_broken_file_that_is_new_nothing_is_said_to_stay(shop: Shop) -> None:
    shop.load(orders_py=service("Get"))
    told = shop.save(stock_py="class (\n")
    assert told[1].startswith("stock.py, line 1: Python does not understand it")


def test_what_others_have_taken_over_is_left_alone(shop: Shop) -> None:
    class Get(Service):
        name = "orders.get"

        def handle(self) -> None:
            self.response.payload = "mine"

    shop.load(orders_py=service("Get"), stock_py=service("Stock"), enmasse_yaml=CHANNEL)
    shop.wb.deploy(Get, replace=True)
    shop.wb.define(RESTChannel("o", service="orders.get", path="/mine"), replace=True)
    assert len(shop.save(orders_py=None, enmasse_yaml=None)) == 1
    assert shop.wb.call("GET /mine").text == "mine"


def test_a_folder_that_is_gone_leaves_all_that_was_live(shop: Shop) -> None:
    shop.load(orders_py=service("Get", "return 1"))
    shop.folder.rename(shop.folder.with_name("elsewhere"))
    assert shop.save() == ["shop is gone; what is served stays as it was. Fix: put it back."]
    assert shop.wb.invoke("orders.get") == 1
    shop.folder.with_name("elsewhere").rename(shop.folder)
    assert shop.save(orders_py=service("Get", "return 2"))
    assert shop.wb.invoke("orders.get") == 2


SHUT = """
import os, sys
from pathlib import Path
from workbench import Workbench
from workbench.core.clock import VirtualClock

folder = Path(sys.argv[1])
with Workbench(folder=folder, clock=VirtualClock()) as wb:
    wb.load(folder / "shop")
    (folder / "shop" / "deep").chmod(0)
    if os.geteuid() == 0:
        os.seteuid(65534)  # the superuser may read anything
    wb.following.look()
    wb.following.look()
    print([each.text for each in wb.log][-2:], wb.invoke("stock.stock"))
"""


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="no users here")
def test_what_is_in_a_folder_that_may_not_be_read_any_more_stays_live() -> None:
    with TemporaryDirectory() as made:
        folder = Path(made, "shop")
        (folder / "deep").mkdir(parents=True)
        (folder / "orders.py").write_text(service("Get"))
        (folder / "deep" / "stock.py").write_text(service("Stock", "return 7"))
        Path(made).chmod(0o755)
        command = [sys.executable, "-c", SHUT, made]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
        (folder / "deep").chmod(0o755)
    said = "What was live of it stays. deep cannot be read (permission denied), and is left out."
    assert done.stdout == f"{[f'{folder}: deep/stock.py changed.', said]} 7\n", done.stderr


def test_it_is_followed_whatever_folder_is_current_later(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.write(orders_py=service("Get", "return 1"))
    shop.wb.load("shop")
    monkeypatch.chdir("/")
    shop.save(orders_py=service("Get", "return 2"))
    assert shop.wb.invoke("orders.get") == 2


def test_a_saved_module_that_was_loaded_alone_is_live(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    both = service("Get", "return {}") + service("Put").removeprefix("from zato.server.service import Service\n")
    shop.write(orders_py=both.format(1))
    shop.wb.load("shop/orders.py")
    monkeypatch.chdir("/")
    assert shop.save(orders_py=service("Get", "return 2")) == [
        "shop/orders.py changed. Live: orders.get v2.",
        "orders.put is gone, since shop/orders.py has it no longer.",
    ]
    assert (shop.wb.invoke("orders.get"), shop.save()) == (2, [])


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("class (\n", "orders.py does not parse"),
        ("1 / 0", "orders.py, line 1: ZeroDivisionError: division by zero. Fix"),
    ],
)
def test_a_module_loaded_alone_that_breaks_stays_live_and_says_why(shop: Shop, broken: str, said: str) -> None:
    shop.write(orders_py=service("Get", "return 1"))
    shop.wb.load("shop/orders.py")
    told = shop.save(orders_py=broken)
    assert told[0] == "shop/orders.py changed."
    assert told[1].startswith("What was live of it stays. ")
    assert said in told[1]
    assert shop.wb.invoke("orders.get") == 1
    assert shop.save(orders_py=None) == ["orders.py is gone; what is served stays as it was. Fix: put it back."]
    shop.save(orders_py=service("Get", "return 3"))
    assert shop.wb.invoke("orders.get") == 3


def test_saved_definitions_that_were_loaded_alone_are_in_force(shop: Shop) -> None:
    shop.write(orders_py=service("Get"), defs_yaml=CHANNEL)
    shop.wb.load(shop.folder / "orders.py")
    shop.wb.load(shop.folder / "defs.yaml")
    assert sorted(shop.wb.following) == [shop.folder / "defs.yaml", shop.folder / "orders.py"]
    told = shop.save(defs_yaml=CHANNEL.replace("name: o", "name: p").replace("/o", "/p"))
    assert told[1:] == ["REST 'o' is gone, since shop/defs.yaml has it no longer."]
    assert [shop.wb.call(f"GET {path}").status for path in ("/o", "/p")] == [404, 200]
    told = shop.save(defs_yaml=CHANNEL.replace("path", "pathh"))
    assert told[1].startswith("What was live of it stays. ")
    shop.wb.following.stop(shop.folder / "defs.yaml")
    assert shop.save(defs_yaml=CHANNEL) == []


def test_a_file_that_fails_is_not_followed_and_nobody_follows_where_nobody_wants_it(shop: Shop) -> None:
    shop.write(orders_py="1 / 0")
    with pytest.raises(ZeroDivisionError):
        shop.wb.load(shop.folder / "orders.py")
    shop.write(orders_py=service("Get"))
    shop.wb.load(shop.folder / "orders.py", follow=False)
    assert list(shop.wb.following) == []


def test_a_folder_is_not_followed_where_nobody_wants_it(shop: Shop) -> None:
    shop.write(orders_py=service("Get", "return 1"))
    done = shop.wb.load(shop.folder, follow=False)
    assert shop.save(orders_py=service("Get", "return 2")) == []
    assert (done.follows, len(shop.wb.following)) == (False, 0)
    shop.wb.load(shop.folder)
    assert list(shop.wb.following) == [shop.folder]
    shop.wb.following.stop("shop")
    assert shop.save(orders_py=service("Get", "return 3")) == []
    assert shop.wb.invoke("orders.get") == 2


def test_a_folder_that_is_not_followed_cannot_be_stopped(shop: Shop) -> None:
    shop.load(orders_py=service("Get"))
    with pytest.raises(UnknownName, match="No followed folder or file is named 'shopp'.* Fix: "):
        shop.wb.following.stop("shopp")


def test_a_file_that_does_not_end_is_named_and_who_loads_is_not_held(shop: Shop) -> None:
    following = Following(shop.wb, shop.wb._own, patience_seconds=0.05)
    waits = "import time\nfrom pathlib import Path\nPath(__file__).with_name('begun').touch()\n"
    waits += "while not Path(__file__).with_name('go').exists():\n    time.sleep(0.005)\n"
    shop.write(orders_py=service("Get", "return 1"))
    following.load(shop.folder, "shop")
    shop.write(orders_py=service("Get", "return 2", above=waits))
    following.look()
    saved = threading.Thread(target=following.look)
    saved.start()
    try:
        until((shop.folder / "begun").exists, "it runs")
        slow = r"of shop ha(s|ve) run for over 0\.05 s, and saves wait for that\. Fix: "
        until(lambda: any(re.search(slow, each.text) for each in shop.wb.log), "it is said")
        with pytest.raises(DeployRefused, match=rf"^orders\.py, line [56], {slow}"):
            following.load(shop.folder, "shop")
    finally:
        (shop.folder / "go").touch()
        saved.join(30)
    assert shop.wb.invoke("orders.get") == 2
    following.load(shop.folder, "shop")


def test_a_cell_that_fails_leaves_its_folder_unfollowed(shop: Shop) -> None:
    shop.write(orders_py=service("Get"))

    def cell() -> None:
        with shop.wb.drafting.scope(Source(NOTEBOOK, ""), lambda cls: False):
            shop.wb.load(shop.folder)
            assert list(shop.wb.following) == [shop.folder]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        cell()
    assert (list(shop.wb.following), list(shop.wb.services)) == ([], [])


def test_the_outcome_is_that_of_the_last_save(shop: Shop) -> None:
    done = shop.load(orders_py=service("Get"))
    shop.save(stock_py=service("Stock"), broken_py="class (:")
    assert (done.services, len(done.failed), done.follows) == (["orders.get", "stock.stock"], 1, True)


def test_a_workbench_that_starts_anew_goes_on_following(shop: Shop, tmp_path: Path) -> None:
    shop.load(orders_py=service("Get", "return 1"))
    known = Known(shop.wb)
    with Workbench(port=0, folder=tmp_path, clock=VirtualClock()) as made:
        known.begin(made)
        shop.wb.close()
        known.end(made)
        shop.wb = made
        shop.save(orders_py=service("Get", "return 2"))
        assert made.invoke("orders.get") == 2


def test_by_itself_it_looks_until_the_workbench_is_closed(tmp_path: Path, wb: Workbench) -> None:
    shop = Shop(wb, tmp_path / "shop")
    shop.load(orders_py=service("Get", "return 1"))
    shop.write(orders_py=service("Get", "return 2"))
    until(lambda: wb.invoke("orders.get") == 2, "the save is live")
    wb.close()
    assert "workbench-folders" not in [each.name for each in threading.enumerate()]
