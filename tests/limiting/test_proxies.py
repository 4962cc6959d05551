"""Nobody but a trusted proxy can say that a call is somebody else's."""

from __future__ import annotations

import random
from ipaddress import ip_address, ip_network

import pytest

from workbench.core.errors import InvalidDefinition
from workbench.limiting.networks import caller_key
from workbench.limiting.proxies import TrustedProxies, caller_address

TRUSTED = ["10.0.0.0/8", "192.0.2.7", "2001:db8:ffff::/48"]


@pytest.mark.parametrize(
    ("peer", "header", "caller"),
    [
        ("203.0.113.9", None, "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.1, 10.2.3.4, 192.0.2.7", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.2, 10.0.0.3", "10.0.0.2"),
        ("10.0.0.1", "198.51.100.1, unknown", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, , 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"),
        ("10.0.0.1", '"[2001:DB8:0::1]"', "2001:db8::1"),
        ("10.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("2001:db8:ffff::1", "198.51.100.1", "198.51.100.1"),
    ],
)
def test_the_caller_is_the_nearest_address_that_is_no_trusted_proxy(peer: str, header: str | None, caller: str) -> None:
    assert caller_address(peer, header, TRUSTED) == caller


def test_without_trusted_proxies_nobody_is_believed() -> None:
    assert caller_address("10.0.0.1", "198.51.100.1", []) == "10.0.0.1"


def test_a_list_with_a_wrong_entry_says_which_and_shows_a_right_one() -> None:
    with pytest.raises(InvalidDefinition, match=r"holds 'proxy', which is no address or network; correct: 10\.0\.0\.5"):
        TrustedProxies(["10.0.0.1", "proxy"])


def test_an_endless_chain_is_read_only_as_far_as_is_sensible() -> None:
    header = "198.51.100.1," * 100_000 + ",".join(["10.0.0.2"] * 100)
    assert caller_address("10.0.0.1", header, TRUSTED) == "10.0.0.2"


def test_an_untrusted_caller_never_changes_its_key_whatever_it_claims() -> None:
    """10,000 chains: what stands left of the caller's real address, as written by its nearest proxy, has no say."""
    choose = random.Random(20260301)
    proxies = TrustedProxies(TRUSTED)
    networks = [ip_network(text) for text in TRUSTED]
    junk = ["unknown", "", "localhost", "1.2.3", "::g", "'; drop", "[", "]:80", '"', "0x7f.1", "1.2.3.4.5", ",", ":"]

    def trusted() -> str:
        return choose.choice([f"10.{choose.randrange(256)}.0.{choose.randrange(256)}", "192.0.2.7", "2001:db8:ffff::9"])

    def stranger() -> str:
        while True:
            bits = choose.choice([32, 128])
            address = ip_address(choose.getrandbits(bits) if bits == 32 else choose.getrandbits(96) << 32 | 1 << 127)
            if not any(address in network for network in networks):
                return str(address)

    def claim() -> str:
        return choose.choice([trusted(), stranger(), choose.choice(junk), f" {stranger()} ", f"{trusted()}:80"])

    for _ in range(10_000):
        caller = stranger()
        key = caller_key(caller)
        claims = [claim() for _ in range(choose.randrange(6))]
        hops = [trusted() for _ in range(choose.randrange(4))]
        direct = proxies.caller_address(caller, ", ".join(claims) or None)
        assert caller_key(direct) == key
        behind = proxies.caller_address(trusted(), ", ".join([*claims, caller, *hops]))
        assert caller_key(behind) == key
