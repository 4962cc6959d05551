"""Calls as cards show them: made from a card, or so many that a limit refuses one."""
