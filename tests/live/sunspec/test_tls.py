"""Modbus over TLS: the battery's certificate must be of its address and of the given authority."""

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
from pymodbus.server import ModbusTlsServer
from pymodbus.simulator import DataType, SimData, SimDevice

from evergrid.core.errors import InputError
from evergrid.live.sunspec.battery import Battery
from evergrid.live.sunspec.link import LinkError
from evergrid.live.sunspec.simulated_map import BEGIN, BatterySize, MeasurementPoints, map_of
from tests.live.sunspec.cases import entry


async def _reached(directory: Path, *, named: str, signed_by: str) -> str:
    """Serial number of a battery whose certificate is of a name and signed by an authority."""
    authorities = {name: trustme.CA() for name in ("known", "other")}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authorities[signed_by].issue_cert(named).configure_cert(context)
    ca_file = directory / "ca.pem"
    authorities["known"].cert_pem.write_to_path(str(ca_file))
    made = map_of(BatterySize(serial="secure"))
    image = made.image()
    made.show(image, MeasurementPoints(0.0, 0.5, 0.0, 0.0, 0, False, 0.0))
    device = SimDevice(1, simdata=[SimData(BEGIN, values=image, datatype=DataType.REGISTERS)])
    server = ModbusTlsServer(device, address=("127.0.0.1", 0), sslctx=context)
    await server.serve_forever(background=True)
    listening: Any = server.transport  # a server of whichever event loop is used
    port = listening.sockets[0].getsockname()[1]
    battery = Battery(entry(port, ca_file="ca.pem"), directory)
    try:
        return (await battery.open()).serial
    finally:
        battery.close()
        await server.shutdown()
        await asyncio.sleep(0.05)


def test_a_battery_with_the_right_certificate_is_reached(tmp_path: Path) -> None:
    assert asyncio.run(_reached(tmp_path, named="127.0.0.1", signed_by="known")) == "secure"


@pytest.mark.parametrize(
    ("named", "signed_by"), [("127.0.0.1", "other"), ("another.example", "known")]
)
def test_a_wrong_certificate_is_not_believed(tmp_path: Path, named: str, signed_by: str) -> None:
    with pytest.raises(LinkError):
        asyncio.run(_reached(tmp_path, named=named, signed_by=signed_by))


def test_a_certificate_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="certificate"):
        Battery(entry(802, ca_file="none.pem"), tmp_path)
