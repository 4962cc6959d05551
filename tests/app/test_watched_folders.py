"""Folders that configuration has watched: open once their services are live, and told where they cannot be."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from tests.app.test_startup import Folder, folder, setting
from tests.cli.conftest import CommandLine
from tests.cli.conftest import fresh as fresh
from tests.serving import until
from workbench import FileChannel, Service, Workbench
from workbench.app import singleton
from workbench.app.configuration.startup.zato_files import WrongZatoFile
from workbench.app.configuration.toml_file import WrongFile

__all__ = ["folder", "fresh"]


class Orders(Service):
    name = "shop.orders"

    def handle(self) -> Any:
        return None


class Audit(Service):
    name = "shop.audit"

    def handle(self) -> Any:
        return None


def watched(wb: Workbench) -> dict[str, Any]:
    return {name: each.definition for name, each in wb.channels.items()}


def toml(folder: Folder, more: str) -> None:
    folder.toml(f"port = 0\nstore = 'memory://'\n{more}")


TWO = """
[pickup.orders]
pickup_from = "{0}/in"
patterns = ["*.csv"]
services = ["shop.orders", "shop.audit"]
"""


def test_a_folder_is_watched_once_all_of_its_services_are_live(folder: Folder) -> None:
    toml(folder, TWO.format(folder.path))
    wb = singleton.the_workbench()
    wb.deploy(Orders)
    assert watched(wb) == {}
    assert wb.drafting.waits_for() == [
        "File 'orders' of workbench.toml [pickup.orders] is not open, since no service is named shop.audit. "
        "Fix: deploy it, or correct services= there."
    ]
    deployed = wb.deploy(Audit)
    assert deployed.definitions == [wb.channels["orders"].definition], "the cell's line says so"
    assert wb.drafting.waits_for() == []
    picked: Any = wb.channels["orders"]
    assert picked.drop("a.csv", "a,b\n1,2\n").outcome == "done"
    assert (folder.path / "in" / "processed" / "a.csv").is_file()
    assert setting(wb, "pickup.orders") == (f"{folder.path}/in", "workbench.toml [pickup.orders]")
    # One that a person removes stays away.
    wb.channels.remove("orders")
    wb.deploy(Orders)
    assert watched(wb) == {}


def test_what_code_defines_under_that_name_counts(folder: Folder) -> None:
    toml(folder, TWO.format(folder.path))
    wb = singleton.the_workbench()
    wb.deploy(Orders)
    own = FileChannel("orders", pickup_from=str(folder.path / "other"), services="shop.orders")
    wb.define(own)
    wb.deploy(Audit)
    assert watched(wb) == {"orders": own}


def test_a_deployment_that_fails_leaves_it_waiting(folder: Folder) -> None:
    toml(folder, TWO.format(folder.path))
    wb = singleton.the_workbench()

    class Wrong(Service):
        name = "wrong"
        limit = "many"

        def handle(self) -> Any:
            return None

    with pytest.raises(Exception, match="many"):
        wb.deploy(Orders, Audit, Wrong)
    assert (watched(wb), len(wb.drafting.waits_for())) == ({}, 1)
    wb.deploy(Orders, Audit)
    assert list(watched(wb)) == ["orders"]


PICKUP_CONF = """
[json]
pickup_from=./pickup/incoming/json
move_processed_to=./pickup/processed/json
patterns=*.json
parse_with=py:json.loads
services=zato.pickup.log-json
topics=

[orders]
pickup_from=./in
patterns=*.csv, *.txt
read_on_pickup=True
parse_on_pickup=False
delete_after_pickup=False
services=shop.orders
topics=
"""


def test_zatos_own_file_is_understood(folder: Folder) -> None:
    (folder.path / "pickup.conf").write_text(PICKUP_CONF)
    toml(folder, "")
    wb = singleton.the_workbench()
    assert wb.drafting.waits_for() == [
        "File 'orders' of pickup.conf [orders] is not open, since no service is named shop.orders. "
        "Fix: deploy it, or correct services= there."
    ], "what leads to Zato's own services is Zato's"
    wb.deploy(Orders)
    assert watched(wb) == {
        "orders": FileChannel(
            "orders", pickup_from="./in", patterns=("*.csv", "*.txt"), services="shop.orders", parse_with="raw"
        )
    }


def test_callables_change_what_is_watched_in_place(folder: Folder) -> None:
    text = """
def change(ctx):
    if ctx.phase == "fs-config-only":
        pickup = ctx.kwargs["pickup_config"]
        pickup.orders.patterns = "*.json"
        pickup.more = {"pickup_from": "more", "services": "shop.orders"}
        pickup.wrong = {"pickup_from": "wrong", "pattern": "*"}
        del pickup["gone"]
"""
    more = '[pickup.orders]\npickup_from = "in"\nservices = "shop.orders"\n[pickup.gone]\npickup_from = "gone"\n'
    wb = folder.start(text, "change", more=more)
    [who] = wb.startup.names
    assert wb.startup.problems == [
        f"Startup callable {who}: pickup_config.wrong.pattern is not a field; did you mean 'patterns'. "
        "The folder is not watched. Fix: correct it."
    ]
    wb.deploy(Orders)
    assert {name: (each.pickup_from, each.patterns) for name, each in watched(wb).items()} == {
        "orders": ("in", ("*.json",)),
        "more": ("more", ("*",)),
    }
    assert setting(wb, "pickup.more") == ("more", who)


def test_a_restart_takes_what_configuration_says_then(folder: Folder) -> None:
    toml(folder, TWO.format(folder.path))
    wb = singleton.the_workbench()
    wb.deploy(Orders, Audit)
    toml(folder, TWO.format(folder.path).replace("orders]", "other]"))
    wb.restart()
    assert list(watched(wb)) == ["other"]
    toml(folder, "")
    wb.restart()
    assert (watched(wb), wb.startup.problems) == ({}, [])


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        (
            "workbench.toml",
            '[pickup.a]\npickup_from = "x"\npaterns = "*"\n',
            "line 3: 'paterns' is not a field; did you",
        ),
        ("workbench.toml", '[pickup.a]\npickup_from = "x"\npoll_seconds = -1\n', "line 3: 'poll_seconds' expected "),
        (
            "workbench.toml",
            '[pickup.a]\npickup_from = "x"\npatterns = "a/b"\n',
            "line 3: 'patterns' are of names in the",
        ),
        ("pickup.conf", "[a]\npickup_from=x\nparse_with=py:lost\n", r"line 3: \[a\] parse_with "),
        ("pickup.conf", "[a]\npickup_from=x\npaterns=*\n", r"line 3: \[a\] paterns is not a field; did you mean"),
    ],
)
def test_a_folder_that_cannot_be_watched_is_told_with_line_and_key(
    folder: Folder, file: str, text: str, said: str
) -> None:
    (folder.path / file).write_text(text)
    with pytest.raises((WrongFile, WrongZatoFile), match=rf"{said}.*Fix: "):
        singleton.the_workbench()


MODULE = """
from workbench import Service, wb

class Orders(Service):
    name = "shop.orders"

    def handle(self):
        open("seen", "w").write(self.request.payload["data"][0]["price"])
"""


def test_serve_watches_it_and_says_what_waits(fresh: CommandLine) -> None:
    path = fresh.module("shop.py", MODULE)
    (path.parent / "workbench.toml").write_text(
        '[pickup.orders]\npickup_from = "in"\nservices = "shop.orders"\nsettle_seconds = 0\n'
        '[pickup.lost]\npickup_from = "lost"\n'
    )
    served = fresh.serve(path)
    (part := path.parent / "in" / ".part").write_text("price\n7.20\n")
    part.rename(path.parent / "in" / "monday.csv")
    seen: Path = path.parent / "seen"
    assert until(lambda: seen.read_text() if seen.exists() else "", "the file was handed on", 30) == "7.20"
    _, said = served.stop(signal.SIGTERM)
    assert "File 'lost' of workbench.toml [pickup.lost] is not open, since no service is named lost. Fix: " in said
