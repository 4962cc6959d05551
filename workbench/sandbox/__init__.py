"""Peers: stand-ins for outside systems that speak the real protocols, on loopback, inside this process."""
