"""A call that becomes a test by a click: its cassette, and the cell that the front end writes."""

from __future__ import annotations

from workbench.core.errors import WorkbenchError
from workbench.core.masking import masked
from workbench.ui.desk import Content, Desk, Tell

TAGS = ("test",)
"""How a test's cell is tagged."""


def call_test(desk: Desk, message: Content, tell: Tell) -> None:
    """Make a test of a call on a worker; told why not, if it would not be green."""
    trace, cell = desk.wb.traffic.find(str(message["cid"])), str(message.get("cell", ""))

    def work() -> None:
        try:
            made = trace.make_test(str(message.get("name") or ""))
            differs = f" Not compared, since it differs in each run: {', '.join(made.noise)}." if made.noise else ""
            said = {"said": f"Test {made.name}: three replays at once passed.{differs}", "name": made.name}
            write = {
                "action": "insert",
                "code": made.code,
                "cell": cell,
                "near": [],
                "tags": list(TAGS),
                "full_name": "",
            }
            said |= {"noise": made.noise, "by": made.by, "code": made.code, "write": write, "collection": ""}
        except WorkbenchError as exc:
            said = {"failed": str(exc)}
        except Exception as exc:  # as of a folder that may not be written
            said = {"failed": f"{type(exc).__name__}: {exc}"}
        tell(masked(said))
        desk.courier.refresh_all()

    desk.wb.background(work)
