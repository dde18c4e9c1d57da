"""Which addresses belong to the public internet, and which hosts are names."""

import ipaddress
import re
from collections.abc import Iterable
from typing import Final

_HOST: Final = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_.])?")
_NUMERIC: Final = re.compile(r"0x[0-9a-f]*|[0-9]+")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


# Public by number, yet special: the 6to4 relay and the AS112 sinks. The rest is in `ipaddress`.
_CLOSED4: Final = _networks("192.88.99.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.175.48.0/24")
# All global unicast is inside 2000::/3, so mapped, compatible and NAT64 forms are out by that alone;
# within it Teredo and its neighbours, documentation and 6to4 are out.
_GLOBAL6: Final = ipaddress.IPv6Network("2000::/3")
_CLOSED6: Final = _networks("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
# What `allow_private_fetch` opens. Link-local stays shut: cloud machines keep their keys there.
_INSIDE: Final = _networks(
    "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "::1/128", "fc00::/7"
)


def is_public(address: str) -> bool:
    """Whether a numeric address belongs to a machine of the public internet."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv4Address):
        return ip.is_global and not ip.is_multicast and not ip.is_reserved and not _within(ip, _CLOSED4)
    return ip in _GLOBAL6 and not _within(ip, _CLOSED6)


def _within(ip: Address, networks: Iterable[Network]) -> bool:
    return any(ip.version == network.version and ip in network for network in networks)


def is_inside(address: str) -> bool:
    """Whether a numeric address belongs to the machine itself or to a private network that may be opened."""
    return _within(ipaddress.ip_address(address), _INSIDE)


def is_numeric_address(host: str) -> bool:
    """An address in its usual written form, IPv4 or IPv6."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_name(host: str) -> bool:
    """A DNS name. Its last label is never a number: 2130706433 and 0x7f.1 are addresses in disguise."""
    last = host.rstrip(".").rpartition(".")[2]
    return bool(_HOST.fullmatch(host)) and ".." not in host and not _NUMERIC.fullmatch(last)
