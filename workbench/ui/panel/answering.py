"""How a new version answers recorded calls, as a card shows it: take it, keep the old one, open one call."""

from __future__ import annotations

from typing import Any

from workbench.app.deploy.service import LiveService
from workbench.app.rehearsal.versions import MODES
from workbench.core.errors import UnknownName
from workbench.core.masking import masked
from workbench.runtime.compared import answer_text
from workbench.ui.cells import change_of_class, offer_of_class
from workbench.ui.desk import Content, Desk, Tell, Verb
from workbench.ui.panel.again import compared_facts


def take(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """Make the version live that waits."""
    service = desk.wb.services[str(message["service"])]
    service.take()
    return {"said": f"{service!r} is live."}


def keep(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """Forget the version that waits."""
    service = desk.wb.services[str(message["service"])]
    service.keep()
    return {"said": f"{service!r} stays live."}


def compared_call(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """One recorded call on both versions, side by side, with both answers."""
    found = desk.wb.services[str(message["service"])].compared
    cid = str(message["cid"])
    verdicts = {each.cid: each for each in found.verdicts} if found is not None else {}
    if (verdict := verdicts.get(cid)) is None or (compared := verdict.compared) is None or verdict.new is None:
        raise UnknownName("compared call", cid, verdicts)
    facts = compared_facts(compared) | {"why": verdict.why, "noise": verdict.noise}
    told: dict[str, Any] = masked(facts | {"answers": [answer_text(verdict.old), answer_text(verdict.new)]})
    return told


def choose(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """Have a mode hold for a service, have its cell say so, and say the line that keeps it where no cell does."""
    service, mode = desk.wb.services[str(message["service"])], str(message["mode"])
    before = desk.wb.drafting.new_versions.chosen(service.name)
    service.new_version = mode
    desk.courier.refresh_all()
    code = f"wb.services[{service.name!r}].new_version = {mode!r}"
    hint = f'This holds until the kernel ends. To keep it, write new_version = "{mode}" in the class, or run this line.'
    undo = desk.keep_undo(lambda: _chosen_again(desk, service, before))
    said = {"said": _holds(service), "code": code, "hint": hint, "undo": undo}
    if (change := change_of_class(desk.wb, service.name, "new_version", mode)) is not None:
        said |= {"collection": "", "write": change | {"full_name": service.name}}
        desk.keep_offer(undo, lambda text: offer_of_class(text, desk.wb, service.name, "new_version", mode))
    return said


def _chosen_again(desk: Desk, service: LiveService, mode: str) -> str:
    service.new_version = mode
    desk.courier.refresh_all()
    return _holds(service)


def _holds(service: LiveService) -> str:
    return f"New versions of {service.name}: {service.new_version}."


def modes(service: LiveService) -> dict[str, Any]:
    """The modes there are, and the one that holds."""
    return {"modes": list(MODES), "mode": service.new_version}


ANSWERING: dict[str, Verb] = {
    "version take": take,
    "version keep": keep,
    "version call": compared_call,
    "version mode": choose,
}
"""What a card asks of a new version."""
