"""Which addresses the gateway may listen on openly, and which it may ask."""

from __future__ import annotations

import ipaddress
import re
import socket
from urllib.parse import urlsplit

LOCALHOST = "localhost"
MAX_PORT = 65_535
OLLAMA_PORT = "11434"

_NOT_IN_URLS = re.compile(r"[^\x21-\x7e]|\\")
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine can reach a server that listens on `host`."""
    if host.lower() == LOCALHOST:
        return True
    try:
        address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return (_inner(address) or address).is_loopback


def is_ip6(host: str) -> bool:
    """Whether a host is a literal IPv6 address, without brackets."""
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return True


def is_own_permission(url: str) -> bool:
    """Whether the host of a normalised URL is a literal address or localhost: the operator has said where it is."""
    host = urlsplit(url).hostname or ""
    return host == LOCALHOST or ":" in host or bool(_NUMBER.fullmatch(host.rpartition(".")[2]))


def normal_base_url(text: str, *, allow_private: bool) -> str:
    """
    Return a base URL with its host in one spelling and no slash at its end.

    `allow_private` permits plain http to a host that goes by a name. Raises `ValueError` with what to do.
    """
    if _NOT_IN_URLS.search(text):
        raise ValueError("must be plain ASCII without spaces; write a host name in its xn-- form")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("is not a URL; write https://host:port/path with a port up to 65535") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or ("[" in parts.netloc) != (":" in parts.hostname):
        raise ValueError("must be an absolute URL; write https://host or http://address:port")
    if "@" in parts.netloc:
        raise ValueError("must hold no user name or password; give the credential as api_key")
    if "?" in text or "#" in text:
        raise ValueError("must have no query and no fragment; remove what follows the path")
    if port == 0 or {".", ".."} & set(parts.path.split("/")):
        raise ValueError("has port 0, or dots for folders in its path; write the port and the path themselves")
    host = _normal_host(parts.hostname)
    url = f"{parts.scheme}://{host}{'' if port is None else f':{port}'}{parts.path.rstrip('/')}"
    if parts.scheme == "http" and not allow_private and not is_own_permission(url):
        raise ValueError(
            "sends the credential in the clear; use https, or set allow_private = true for your own network"
        )
    return url


def ollama_base_url(text: str) -> str:
    """
    Return the URL that a value of OLLAMA_HOST means, by the rules of Ollama itself.

    A port that is none becomes the default, as Ollama does it. Where the value names all addresses, as a server's
    does, the URL is that of this machine. https://github.com/ollama/ollama/blob/main/envconfig/config.go
    """
    text = text.strip().strip("\"'").strip()
    scheme, found, rest = text.partition("://")
    if not found:
        scheme, rest = ("https", "ollama.com:443") if text == "ollama.com" else ("http", text)
        default = OLLAMA_PORT
    else:
        default = {"http": "80", "https": "443"}.get(scheme, OLLAMA_PORT)
    rest, _, path = rest.partition("/")
    host, port = _split_port(rest) or (_bare_host(rest), default)
    if not re.fullmatch(r"[+-]?[0-9]{1,9}", port, re.ASCII) or not 0 <= int(port) <= MAX_PORT:
        port = default
    host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - mapped, not bound
    host = f"[{host}]" if ":" in host else host
    return f"{scheme}://{host}:{int(port)}{'/' if path else ''}{path}"


def _normal_host(host: str) -> str:
    host = host.removesuffix(".")
    if "%" in host:
        raise ValueError("must name no network interface; remove what follows the % sign")
    if ":" not in host:
        if not _NAME.fullmatch(host) or len(host) > 253:  # noqa: PLR2004 - RFC 1035
            raise ValueError("has a host that is neither a name nor an address; check its spelling")
        if not _NUMBER.fullmatch(host.rpartition(".")[2]):
            return host
    address = _address(host)
    for each in (address, _inner(address)):
        if each is None:
            continue
        if each.is_link_local:
            raise ValueError("is a link-local address, where machines keep their metadata; it is never asked")
        if each.is_unspecified or each.is_multicast:
            raise ValueError("is not the address of one machine; write 127.0.0.1 for this one")
    return f"[{address}]" if address.version == 6 else str(address)  # noqa: PLR2004 - IPv6


def _address(host: str) -> Address:
    """Return a literal address in any spelling: name lookups take `0xa9fea9fe` and `0251.254.43518` for one."""
    try:
        return ipaddress.IPv6Address(host) if ":" in host else ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, ValueError):
        raise ValueError("has a host that looks like an address, but is none; check its numbers") from None


def _inner(address: Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that an IPv6 address stands for."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour
    low = int(address) & 0xFFFF_FFFF
    if address in _NAT64 or (address in _COMPATIBLE and low > 1):
        return ipaddress.IPv4Address(low)
    return None


def _split_port(text: str) -> tuple[str, str] | None:
    """Split host and port as Go's `net.SplitHostPort` does; None where there is no port or no sense."""
    found = re.fullmatch(r"\[([^\[\]]*)\]:([^:\[\]]*)|([^:\[\]]*):([^:\[\]]*)", text, re.DOTALL)
    if found is None:
        return None
    bracketed, its_port, plain, port = found.groups()
    return (plain, port) if bracketed is None else (bracketed, its_port)


def _bare_host(text: str) -> str:
    inner = text.strip("[]")
    try:
        return str(ipaddress.ip_address(inner))
    except ValueError:
        return text
