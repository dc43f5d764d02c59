"""Which addresses a provider's name may lead to: looked up once, checked, and dialled as checked."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Looks a name up: host and port → addresses."""

LOCALHOST = "localhost"
_NOT_PUBLIC = tuple(
    map(
        ipaddress.ip_network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "::1/128",
            "fc00::/7",
        ),
    )
)
_NEVER = tuple(
    map(
        ipaddress.ip_network,
        ("169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4", "fe80::/10", "ff00::/8", "::/128"),
    )
)
"""Link-local, where machines keep their metadata, and what is no machine's address."""
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def is_permitted(address: str, *, allow_private: bool) -> bool:
    """Whether an address may be dialled: public ones always, private ones by permission, link-local ones never."""
    found = _meant(address.partition("%")[0])
    if any(found in network for network in _NEVER if network.version == found.version):
        return False
    return allow_private or not any(found in network for network in _NOT_PUBLIC if network.version == found.version)


def is_own_permission(host: str) -> bool:
    """Whether a host is a literal address or localhost: the operator has said where it is."""
    if host == LOCALHOST:
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


async def resolve(host: str, port: int) -> Sequence[str]:
    """Look a name up as the system does; raises `socket.gaierror`."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _meant(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return the address that packets go to: an IPv6 address may stand for an IPv4 one."""
    found = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv4Address):
        return found
    if found in _NAT64:
        return ipaddress.IPv4Address(int(found) & 0xFFFF_FFFF)
    return found.ipv4_mapped or found.sixtofour or found
