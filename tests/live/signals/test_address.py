"""Servers inside our own network are not asked because somebody else's name points there."""

import asyncio
from ipaddress import ip_address
from typing import Any

import httpcore
import pytest

from evergrid.core.errors import InputError
from evergrid.live.signals.address import AddressError, CheckedNetwork, allowed, check_url

PRIVATE = ["10.0.0.7", "192.168.1.1", "172.16.0.1", "fd00::1", "::ffff:10.0.0.7"]
NEVER = ["0.0.0.0", "169.254.169.254", "::", "fe80::1", "224.0.0.1", "::ffff:169.254.169.254"]


@pytest.mark.parametrize("found", [*PRIVATE, *NEVER, "127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_21_a_private_address_is_refused(found: str) -> None:
    with pytest.raises(AddressError):
        allowed("vtn.example", [ip_address(found)], private_network=False)


@pytest.mark.parametrize("found", PRIVATE)
def test_a_private_address_is_asked_where_it_was_configured(found: str) -> None:
    assert allowed("vtn.example", [ip_address(found)], private_network=True)


@pytest.mark.parametrize("found", [*NEVER, "127.0.0.1", "::1"])
def test_some_addresses_are_never_asked(found: str) -> None:
    with pytest.raises(AddressError):
        allowed("vtn.example", [ip_address(found)], private_network=True)


def test_one_private_address_refuses_the_whole_name() -> None:
    both = [ip_address("93.184.216.34"), ip_address("10.0.0.7")]
    with pytest.raises(AddressError):
        allowed("vtn.example", both, private_network=False)
    assert allowed("vtn.example", both[:1], private_network=False) == "93.184.216.34"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_this_machine_is_asked_by_its_own_name(host: str) -> None:
    loopback = "::1" if host == "::1" else "127.0.0.1"
    assert allowed(host, [ip_address(loopback)], private_network=False) == loopback


@pytest.mark.parametrize(
    "url",
    [
        "http://vtn.example/",
        "ftp://127.0.0.1/",
        "https:///nobody",
        "https://user:canary@vtn.example/",
        "https://vtn.example/?token=canary",
        "vtn.example",
        "file:///etc/passwd",
    ],
)
def test_21_an_address_that_may_not_be_configured_is_refused_without_its_secret(url: str) -> None:
    with pytest.raises(InputError) as caught:
        check_url("url", url)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("url", ["https://vtn.example/v3", "http://127.0.0.1:8080/v3"])
def test_an_address_that_may_be_configured_is_taken(url: str) -> None:
    check_url("url", url)


def test_what_was_checked_is_what_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that points elsewhere when it is looked up again gains nothing."""
    connected: list[str] = []

    async def scene() -> None:
        network = CheckedNetwork(private_network=False)
        loop = asyncio.get_running_loop()
        answers = iter(["93.184.216.34", "10.0.0.7"])

        async def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
            return [(0, 0, 0, "", (next(answers), port))]

        class Recorder:
            async def connect_tcp(self, host: str, *_: Any) -> Any:
                connected.append(host)
                return httpcore.AsyncMockStream([])

        monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
        monkeypatch.setattr(network, "_network", Recorder())
        await network.connect_tcp("vtn.example", 443)
        with pytest.raises(AddressError):
            await network.connect_tcp("vtn.example", 443)

    asyncio.run(scene())
    assert connected == ["93.184.216.34"]
