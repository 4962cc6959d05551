"""Which host a connection calls, and whether that is outside of this machine."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit


def host_of(address: str) -> str:
    """The host of an address, as `data.example.com` of `https://data.example.com:8443/`; '' of a folder or of none."""
    # Clients take a backslash for a slash (WHATWG URL, 4.4): what follows it is no part of the host.
    address = address.strip().replace("\\", "/")
    if not address or address.startswith("/"):
        return ""
    try:
        return str(ip_address(address))
    except ValueError:
        pass
    try:
        return urlsplit(address if "://" in address else f"//{address}").hostname or address
    except ValueError:
        return address


def is_outside(host: str) -> bool:
    """Whether a host is not this machine by its name alone; names are not looked up, and local networks are outside.

    Source: RFC 6761, section 6.3 (`localhost` and what ends in it), RFC 1122, 3.2.1.3, and RFC 4291, 2.5.3 (loopback).
    """
    if not host:
        return False
    try:
        address = ip_address(host)
    except ValueError:
        name = host.lower().removesuffix(".")
        return name != "localhost" and not name.endswith(".localhost")
    address = getattr(address, "ipv4_mapped", None) or address
    # To connect to the unspecified address is to connect to this machine.
    return not (address.is_loopback or address.is_unspecified)
