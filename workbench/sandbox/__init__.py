"""Peers: stand-ins for outside systems that speak the real protocols, on loopback, inside this process.

One folder, or one file, for each kind of connection, with a row in `catalog.ROWS` or an entry point of another
distribution. A peer of several files has the same words as its neighbours, each file importing only those before it:

  faults   what can be wrong with it, as typed fields
  engine   what it says to one client, and how a fault spoils that; what it needs of the peer is a protocol there
  server   the peer itself, which `wb.peers` gives: its port, how a definition points at it, what it shows

Shared by all: `peer` (what every peer is), `faults` (those that all have, and for how long), `wire` (a port whose
connections can be spoilt), `loop`, `journal`, `certificates`, `mail`, `file_tree` (peers that keep files), and `http`,
which plays the other side of REST and is what the peers that speak HTTP are made of. Peers do not know each other; the
contracts in `pyproject.toml` say so of every folder and file here.
"""
