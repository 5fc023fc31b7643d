"""Where a webhook may go: not to this host or its neighbours, unless the installation says so."""

import asyncio
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import httpx

NAT64 = IPv6Network("64:ff9b::/96")


class ForbiddenTarget(Exception):
    """The address must not be called; the text says why and names no address."""


@dataclass(frozen=True, slots=True)
class Target:
    """`url` names the address that was checked, so that no second look-up can lead elsewhere."""

    url: httpx.URL
    host: str
    host_header: str


def parsed(url: str, allow_private: bool) -> httpx.URL:
    """What can be said without looking the name up. Raises ForbiddenTarget."""
    try:
        found = httpx.URL(url)
    except (httpx.InvalidURL, ValueError) as error:
        raise ForbiddenTarget("not an absolute URL") from error
    if found.scheme not in (("https", "http") if allow_private else ("https",)):
        raise ForbiddenTarget("only https is allowed")
    if not found.host or found.userinfo or found.fragment:
        raise ForbiddenTarget("a host is needed, user and fragment are not allowed")
    if found.port is not None and not 0 < found.port < 65536:
        raise ForbiddenTarget("there is no such port")
    literal = _literal(found.host)
    if literal is not None and not allow_private and not is_public(literal):
        raise ForbiddenTarget("private and local addresses are not allowed")
    return found


async def resolve(url: str, allow_private: bool) -> Target:
    """Raises ForbiddenTarget; OSError when the name cannot be looked up."""
    asked = parsed(url, allow_private)
    port = asked.port or (443 if asked.scheme == "https" else 80)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(asked.host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise ForbiddenTarget("this can be no host's name") from error
    addresses = [ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    if not allow_private and not all(is_public(address) for address in addresses):
        raise ForbiddenTarget("private and local addresses are not allowed")
    pinned = asked.copy_with(host=str(addresses[0]))
    return Target(pinned, asked.host, asked.netloc.decode("ascii"))


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Also of the IPv4 address that an IPv6 one may wrap."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if address in NAT64:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
