"""Whose call it is when proxies stand in between: only what trusted proxies say is believed."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from ipaddress import ip_network

from workbench.core.errors import InvalidDefinition
from workbench.limiting.networks import Networks, number

MOST_HOPS = 64


class TrustedProxies:
    """The proxies whose X-Forwarded-For is believed, by address or network."""

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        self.trusted = tuple(trusted)
        networks, wrong = [], []
        for text in self.trusted:
            try:
                networks.append(ip_network(text.strip(), strict=False))
            except ValueError:
                wrong.append(f"holds {text!r}, which is no address or network; correct: 10.0.0.5 or 10.0.0.0/8")
        if wrong:
            raise InvalidDefinition("TrustedProxies", "trusted_proxies", {"trusted": "; ".join(wrong)})
        self._networks = Networks(networks) if networks else None

    def trusts(self, address: str) -> bool:
        """Whether this peer may say on whose behalf it calls."""
        return self._networks is not None and self._networks.narrowest(address) is not None

    def caller_address(self, peer_address: str, x_forwarded_for: str | None) -> str:
        """The nearest address that no trusted proxy stands for.

        A chain is read from its right end, where the nearest proxy has written; the first address that is not a trusted
        proxy is the caller, and whatever stands to its left is that caller's own claim. A proxy that passes on what is
        no address is itself the caller.
        """
        if not x_forwarded_for or not self.trusts(peer_address):
            return peer_address
        caller = peer_address
        for hop in reversed(x_forwarded_for.rsplit(",", MOST_HOPS)[-MOST_HOPS:]):
            address = _address(hop)
            if address is None:
                return caller
            caller = address
            if not self.trusts(address):
                return caller
        return caller


def caller_address(peer_address: str, x_forwarded_for: str | None, trusted: Iterable[str]) -> str:
    """The address that a call counts for; see `TrustedProxies.caller_address`."""
    return TrustedProxies(trusted).caller_address(peer_address, x_forwarded_for)


def _address(hop: str) -> str | None:
    """One hop in its one way of writing: without port, brackets and zone; None if it is no address."""
    text = hop.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    found = number(text)
    if found is None:
        return None
    family, value = found
    if family == 4:
        return socket.inet_ntop(socket.AF_INET, value.to_bytes(4, "big"))
    return socket.inet_ntop(socket.AF_INET6, value.to_bytes(16, "big"))
