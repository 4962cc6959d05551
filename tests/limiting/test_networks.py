"""A caller falls to the narrowest network that contains its address."""

from __future__ import annotations

import random
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import pytest

from workbench.limiting.networks import Networks, caller_key, number


def test_the_narrowest_network_wins_whatever_the_order() -> None:
    texts = ["10.0.0.0/8", None, "10.1.0.0/16", "10.1.2.3/32", "2001:db8::/32", "2001:db8:0:1::/64"]
    networks = Networks(ip_network(text) if text else None for text in texts)
    expected = {
        "10.1.2.3": 3,
        "10.1.2.4": 2,
        "10.2.0.1": 0,
        "::ffff:10.1.2.3": 3,
        "192.0.2.1": 1,
        "2001:db8::1": 4,
        "2001:db8:0:1::9": 5,
        "2001:db9::1": 1,
        "fe80::1%eth0": 1,
        "unix": 1,
        "": 1,
        None: 1,
    }
    assert {address: networks.narrowest(address) for address in expected} == expected


def test_without_a_line_for_everyone_an_address_may_be_on_none() -> None:
    networks = Networks([ip_network("10.0.0.0/8")])
    assert networks.narrowest("11.0.0.1") is None
    assert networks.narrowest(None) is None
    assert networks.narrowest("no address") is None


def test_zero_prefixes_hold_one_family_each() -> None:
    networks = Networks([ip_network("0.0.0.0/0"), ip_network("::/0")])
    assert networks.narrowest("1.2.3.4") == 0
    assert networks.narrowest("2001:db8::1") == 1
    assert networks.narrowest("::ffff:1.2.3.4") == 0


def test_the_last_address_of_a_network_is_inside_and_the_next_one_is_not() -> None:
    texts = ["10.0.0.0/8", "10.0.0.0/16", "10.255.255.255/32", "255.255.255.0/24", "0.0.0.0/32", "10.0.0.0/8"]
    networks = Networks(ip_network(text) for text in texts)
    expected = {
        "0.0.0.0": 4,
        "0.0.0.1": None,
        "9.255.255.255": None,
        "10.0.255.255": 1,
        "10.1.0.0": 5,
        "10.255.255.255": 2,
        "11.0.0.0": None,
        "255.255.254.255": None,
        "255.255.255.255": 3,
    }
    assert {address: networks.narrowest(address) for address in expected} == expected


@pytest.mark.parametrize("seed", range(20))
def test_tables_agree_with_a_scan_of_all_networks(seed: int) -> None:
    choose = random.Random(seed)
    networks: dict[IPv4Network | IPv6Network, None] = {}
    for _ in range(200):
        if choose.random() < 0.5:
            low = choose.getrandbits(12) << 20 | choose.getrandbits(3)
            networks[IPv4Network((low, choose.randint(4, 32)), strict=False)] = None
        else:
            networks[IPv6Network((choose.getrandbits(10) << 118, choose.randint(4, 128)), strict=False)] = None
    listed = list(networks)
    tables = Networks(listed)
    for _ in range(300):
        address = ip_address(
            choose.getrandbits(12) << 20 | choose.getrandbits(3)
            if choose.random() < 0.5
            else choose.getrandbits(10) << 118
        )
        inside = [place for place, network in enumerate(listed) if address in network]
        inside.sort(key=lambda place: -listed[place].prefixlen)
        assert tables.containing(str(address)) == inside
        assert tables.narrowest(str(address)) == (inside[0] if inside else None)


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("::ffff:a00:1", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        (None, ""),
        ("a:b", "a:b"),
    ],
)
def test_callers_counted_apart_are_known_by_address_or_by_their_64_bits(address: str | None, key: str) -> None:
    assert caller_key(address) == key


@pytest.mark.parametrize("text", ["1.2.3", "1.2.3.4.5", "256.1.1.1", "localhost", "1.2.3.4 ", "::g", "\0", "01.2.3.4"])
def test_what_is_no_address_has_no_number(text: str) -> None:
    assert number(text) is None
