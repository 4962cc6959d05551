"""What the panel asks for: a tab, one call, the versions of a service, what can be made."""

from __future__ import annotations

import difflib
import itertools
from typing import Any

from workbench.app.workbench import Workbench
from workbench.core.errors import UnknownName
from workbench.core.masking import masked
from workbench.runtime.registry import Version
from workbench.ui.desk import Content, Desk, Tell, Verb
from workbench.ui.panel.again import again, compare, panel_call
from workbench.ui.panel.answering import ANSWERING, modes
from workbench.ui.panel.caches import CACHES
from workbench.ui.panel.explaining import EXPLAINING
from workbench.ui.panel.figures import Figures, figures_of_versions
from workbench.ui.panel.happened import asked_of
from workbench.ui.panel.making import call_test
from workbench.ui.panel.offers import offers
from workbench.ui.panel.peers import PEERS
from workbench.ui.panel.recipes import recipe_named, recipes
from workbench.ui.panel.request import REQUEST
from workbench.ui.panel.running import RUNNING
from workbench.ui.panel.settings import restart
from workbench.ui.panel.tabs import HELLO, drawn


def panel(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """What one tab shows."""
    shown: dict[str, Any] = masked(drawn(desk, str(message.get("tab")), asked_of(message)))
    return shown


def panel_new(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """Everything that can be made by click, in groups; a service is code to copy."""
    return {
        "code": _new_service(desk.wb),
        "forms": offers(),
        "recipes": recipes(),
        "services": desk.wb.names("services"),
    }


def _new_service(wb: Workbench) -> str:
    """The code of a service that takes the place of none."""
    more = next(
        each for each in itertools.chain([""], map(str, itertools.count(2))) if f"api.hello{each}" not in wb.services
    )
    return HELLO.replace("Hello(", f"Hello{more}(").replace("api.hello", f"api.hello{more}")


def recipe(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """A recipe with its cells."""
    return recipe_named(str(message["name"]))


def versions(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """The kept versions of a service, newest first: how each did, and how its text differs from the live one."""
    service = desk.wb.services[str(message["service"])]
    live, figures = service.live, figures_of_versions(desk.wb.traffic, service.name)
    found = [
        {"number": each.number, "live": each is live, "made": str(each.origin)}
        | figures.get(each.number, Figures()).facts()
        | {"difference": _difference(each, live)}
        for each in reversed(service.versions)
    ]
    return {"versions": masked(found)} | modes(service)


def _difference(version: Version, live: Version) -> str:
    """From a version to another one, as a unified difference; '' if their text is the same."""
    names = f"v{version.number}", f"v{live.number}"
    texts = version.source.splitlines(), live.source.splitlines()
    return "\n".join(difflib.unified_diff(*texts, *names, lineterm="", n=2))


def difference(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """How the text of any two kept versions of a service differs."""
    kept = {each.number: each for each in desk.wb.services[str(message["service"])].versions}
    one, other = int(message["from"]), int(message["to"])
    if missing := [number for number in (one, other) if number not in kept]:
        raise UnknownName("version", f"v{missing[0]}", (f"v{number}" for number in kept))
    return {"difference": masked(_difference(kept[one], kept[other]))}


def make_live(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """Make a kept version of a service live."""
    outcome = desk.wb.services[str(message["service"])].make_live(int(message["number"]))
    desk.courier.refresh_all()
    return {"said": repr(outcome)}


def set_setting(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """Change a setting that can change while the workbench runs."""
    name, value = str(message["name"]), str(message["value"]).strip()
    setattr(desk.wb.settings, name, value)
    desk.courier.refresh_all()
    return {"said": f"{name} is {value or 'the default'}."}


PANEL: dict[str, Verb] = {
    "panel": panel,
    "panel call": panel_call,
    "call again": again,
    "call compare": compare,
    "call test": call_test,
    "panel new": panel_new,
    "recipe": recipe,
    "versions": versions,
    "version live": make_live,
    "versions differ": difference,
    "setting save": set_setting,
    "restart": restart,
    **CACHES,
    **REQUEST,
    **EXPLAINING,
    **RUNNING,
    **PEERS,
    **ANSWERING,
}
"""What the panel may ask for."""
