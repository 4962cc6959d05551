"""A plugin of pytest that shows the locker to the suites every kind goes through, by one row among the examples."""

from __future__ import annotations

from locker.definition import LockerConnection

from tests.connections.suites.examples import EXAMPLES

EXAMPLES["locker"] = LockerConnection("My Locker", host="locker.example.com")
