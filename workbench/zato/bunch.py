"""The package `bunch`, where it is not installed: dicts whose keys are attributes."""

from __future__ import annotations

from workbench.core.payload.bunch import Bunch, bunchify, unbunchify

debunchify = unbunchify

__all__ = ["Bunch", "bunchify", "debunchify", "unbunchify"]
