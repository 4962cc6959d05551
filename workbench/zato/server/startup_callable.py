"""Zato's `zato.server.startup_callable`: what a startup callable is given."""

from __future__ import annotations

from workbench.app.configuration.startup.callables import PhaseCtx

__all__ = ["PhaseCtx"]
