"""Names of a server, as a browser gives them in Host and Origin: what they say, and whether they are this server's."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from typing import NamedTuple

LOCAL = ("127.0.0.1", "localhost", "::1")
_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::([0-9]{1,5}))?", re.ASCII | re.IGNORECASE)


class Host(NamedTuple):
    """A name or an address in small letters without brackets, and its port where one is said."""

    name: str
    port: int | None


def parse_host(text: str) -> Host | None:
    """The host a text such as "localhost:8501" or "[::1]:8501" says; None if it is no such text."""
    match = _HOST.fullmatch(text)
    if match is None:
        return None
    return Host((match[1] or match[2]).lower(), int(match[3]) if match[3] else None)


def parse_origin(text: str) -> Host | None:
    """The host of an Origin, with its port; None if it is none ("null" is one of those)."""
    scheme, separator, rest = text.partition("://")
    host, port = parse_host(rest), _PORTS.get(scheme)
    if not separator or host is None or port is None:
        return None
    return host if host.port else Host(host.name, port)


def is_local(host: Host | None) -> bool:
    """Whether it names this machine, at whatever port."""
    return host is not None and host.name in LOCAL


def is_served(host: Host | None, names: Collection[str], port: int | None, others: Collection[Host]) -> bool:
    """Whether it is one of the names at the port served, or one of the others that the operator has set.

    Those stand at their own port; where none is said, at the port served or the usual ones of a reverse proxy.
    """
    if host is None:
        return False
    said = {host.port} if host.port else {80, 443}
    if port in said and host.name in {*LOCAL, *names}:
        return True
    return any(host.name == o.name and said & ({o.port} if o.port else {port, 80, 443}) for o in others)


def plain_address(text: str) -> str:
    """An address without the wrapping of IPv4 in IPv6 ("::ffff:10.0.0.1")."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text.lower()
    return str(getattr(address, "ipv4_mapped", None) or address)
