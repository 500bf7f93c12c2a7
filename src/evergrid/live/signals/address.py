"""May a server that the configuration names be asked at all, and at which address?

A name may point to a machine inside our own network, also later than when it was checked. So the
addresses are looked up, checked, and then connected to as they were checked.
"""

import asyncio
import socket
import ssl
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any, final
from urllib.parse import urlsplit

import httpcore
from httpcore import AnyIOBackend, AsyncNetworkBackend, AsyncNetworkStream

from evergrid.core.errors import EvergridError, InputError
from evergrid.core.faults import Fault


class AddressError(EvergridError, ConnectionError):
    """A server has no address that may be asked."""


def check_url(field: str, url: str) -> None:
    """An address that may be written into a configuration.

    Raises:
        InputError: Not https although not on this machine, a password inside, or no host.
    """
    parts = urlsplit(url)
    rule = ""
    if parts.scheme not in ("http", "https") or not parts.hostname:
        rule = "be an address such as https://vtn.example/openadr3/3.1.0"
    elif parts.username or parts.password or parts.query or parts.fragment:
        rule = "hold no password, query or fragment"
    elif parts.scheme == "http" and not _only_here(parts.hostname):
        rule = "be https, but on this machine"
    if rule:
        shown = f"{parts.scheme}://{parts.hostname}{parts.path}"
        raise InputError("config", [Fault(field, rule, (shown,))])


def allowed(
    host: str, addresses: Iterable[IPv4Address | IPv6Address], *, private_network: bool
) -> str:
    """The first address that may be asked.

    This machine may be asked only by its own name or address, and a private network only where
    that was configured. One address that may not be asked refuses the name as a whole.

    Raises:
        AddressError: There is none.
    """
    found = [_plain(address) for address in addresses]
    for address in found:
        here = address.is_loopback and _only_here(host)
        near = address.is_private and not (
            address.is_loopback or address.is_link_local or address.is_unspecified
        )
        if not (address.is_global or here or (near and private_network)):
            raise AddressError(f"{host} is at {address}, which may not be asked")
    if not found or any(address.is_multicast for address in found):
        raise AddressError(f"{host} has no address that can be asked")
    return str(found[0])


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """An IPv4 address that is written as IPv6 counts as what it is."""
    inside = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address if inside is None else inside


def _only_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@final
class CheckedNetwork(AsyncNetworkBackend):
    """Connections to addresses that were checked.

    Args:
        private_network: Whether addresses of private networks may be asked.
    """

    def __init__(self, *, private_network: bool) -> None:
        self._private_network = private_network
        self._network = AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> AsyncNetworkStream:
        """Look a name up, check what is found, and connect to that.

        Raises:
            AddressError: The name has no address, or one that may not be asked.
        """
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:  # the latter for what can be no name
            raise AddressError(f"{host}: {error}") from error
        addresses = [ip_address(one[4][0]) for one in found]
        address = allowed(host, addresses, private_network=self._private_network)
        return await self._network.connect_tcp(
            address, port, timeout, local_address, socket_options
        )

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Any = None
    ) -> AsyncNetworkStream:
        """No server is asked by a file.

        Raises:
            AddressError: Always.
        """
        raise AddressError(f"{path} is no address on the network")

    async def sleep(self, seconds: float) -> None:
        """Wait, between two tries of the library."""
        await self._network.sleep(seconds)


def pool(*, ca_file: Path | None, private_network: bool) -> httpcore.AsyncConnectionPool:
    """Connections to one server; redirections are not followed and no proxy is used.

    Raises:
        InputError: The file of the authority cannot be read.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        fault = Fault("ca_file", f"be a certificate that can be read: {error}", (str(ca_file),))
        raise InputError("config", [fault]) from error
    return httpcore.AsyncConnectionPool(
        ssl_context=context,
        max_connections=2,
        keepalive_expiry=60.0,
        network_backend=CheckedNetwork(private_network=private_network),
    )
