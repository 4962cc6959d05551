"""Draws the picture that opens README.md: `python -m tests.pictures`; looks as in JupyterLab, at twice the pixels."""

from __future__ import annotations

import os
from pathlib import Path

from PIL import Image

from tests.ui.drawn import Drawn
from tests.ui.lab import browser
from tests.ui.several import fill
from workbench import Workbench
from workbench.notebook import running
from workbench.ui import views
from workbench.ui.courier import Courier
from workbench.ui.desk import Desk
from workbench.ui.verbs import VERBS

PICTURE = Path(__file__).resolve().parent.parent / "notebooks" / "panel.png"
WIDTH, COLOURS = 1000, 256


def draw() -> Path:
    """Draw the tab of services, of a workbench that has some."""
    os.environ |= {"ADA_PASSWORD": "correct horse", "PARTNER_KEY": "battery staple"}
    with Workbench(port=0) as wb, browser() as chromium:
        fill(wb)
        desk = Desk(wb, Courier(), VERBS)
        desk.html_of_peer = running.peer
        drawn = Drawn(chromium, desk, width=WIDTH, scale=2)
        card = drawn.draw(views.everything, url="http://localhost:11223")
        drawn.open("services")
        PICTURE.parent.mkdir(exist_ok=True)
        card.screenshot(path=PICTURE, animations="disabled")
        drawn.close()
        desk.close()
    # Flat colours: a palette is a third of the size, and looks the same.
    Image.open(PICTURE).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(PICTURE, optimize=True)
    return PICTURE


if __name__ == "__main__":
    path = draw()
    print(f"{path.name}: {path.stat().st_size // 1024} KiB")
