"""The one thread on which all peers live: started by the first peer, stopped with the process."""

from __future__ import annotations

import atexit

from workbench.runtime.loop import LoopThread

LONGEST_STEP_SECONDS = 10.0
"""Longest wait for a peer to open or close [s]."""

PEERS = LoopThread("workbench-peers")
atexit.register(PEERS.close)
