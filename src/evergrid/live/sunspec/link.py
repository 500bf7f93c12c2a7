"""A Modbus connection to one device: registers read and written, each within a time, or an error.

The door to `pymodbus`. Its own retries and reconnections are off: after a fault of the line the
connection is closed, so that no late answer is taken for that to a later question.
"""

import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, final

from pymodbus.client import AsyncModbusTcpClient, AsyncModbusTlsClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

from evergrid.core.errors import EvergridError, InputError
from evergrid.core.faults import Fault
from evergrid.live import own_certificate
from evergrid.live.sunspec.entry import ModbusBatteryEntry
from evergrid.live.sunspec.registers import Write

MOST_AT_ONCE = 125  # registers in one answer, by the Modbus Application Protocol 1.1b3, 6.3
REGISTERS = 65_536


class LinkError(EvergridError, ConnectionError):
    """A device is not reached, does not answer in time, or answers what cannot be."""


class RefusedWriteError(EvergridError, RuntimeError):
    """A device answered that it will not: a Modbus exception."""


@final
class Link:
    """A connection, which is opened anew for each life of the line.

    Args:
        entry: Where the device is.
        folder: What relative paths start from.

    Raises:
        InputError: A file of a certificate cannot be read.
    """

    def __init__(self, entry: ModbusBatteryEntry, folder: Path) -> None:
        self._entry = entry
        self._name = f"{entry.host}:{entry.port}"
        self._client = _client(entry, folder)

    async def open(self) -> None:
        """Connect.

        Raises:
            LinkError: Not within the time.
        """
        if not await self._client.connect():
            raise LinkError(f"{self._name} is not reached within {self._entry.timeout_s:g} s")

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    async def read(self, address: int, count: int) -> tuple[int, ...]:
        """Registers from an address on.

        Raises:
            LinkError: No answer, or not one to this question.
            RefusedWriteError: The device has no such registers, or there can be none.
        """
        found: tuple[int, ...] = ()
        while len(found) < count:
            at, part = address + len(found), min(count - len(found), MOST_AT_ONCE)
            if at + part > REGISTERS:
                raise RefusedWriteError(
                    f"{self._name}: registers end at {REGISTERS}, not {at + part}"
                )
            answer = await self._asked(self._client.read_holding_registers, at, count=part)
            if len(answer.registers) != part:
                self.close()
                got = len(answer.registers)
                raise LinkError(f"{self._name}: asked for {part} registers, got {got}")
            found += tuple(answer.registers)
        return found

    async def write(self, write: Write) -> None:
        """Write registers.

        Raises:
            LinkError: No answer; whether they were written is not known.
            RefusedWriteError: The device will not have them.
        """
        values = list(write.registers)
        await self._asked(self._client.write_registers, write.address, values)

    async def _asked(self, ask: Callable[..., Awaitable[ModbusPDU]], *what: Any, **how: Any) -> Any:
        try:  # asking fails at once where the connection is closed already
            answer = await ask(*what, device_id=self._entry.unit, **how)
        except (ModbusException, OSError, TimeoutError) as error:
            self.close()
            raise LinkError(f"{self._name}: {error}") from error
        if answer.isError():
            code = getattr(answer, "exception_code", None)
            raise RefusedWriteError(f"{self._name}: Modbus exception {code}")
        return answer


def _client(entry: ModbusBatteryEntry, folder: Path) -> AsyncModbusTcpClient:
    """A client that neither asks twice nor reconnects by itself.

    Raises:
        InputError: A file of a certificate cannot be read.
    """
    context = tls(entry, folder)
    if context is None:
        return AsyncModbusTcpClient(
            entry.host, port=entry.port, timeout=entry.timeout_s, retries=0, reconnect_delay=0
        )
    return AsyncModbusTlsClient(
        entry.host,
        port=entry.port,
        sslctx=context,
        timeout=entry.timeout_s,
        retries=0,
        reconnect_delay=0,
    )


def tls(entry: ModbusBatteryEntry, folder: Path) -> ssl.SSLContext | None:
    """How the line is encrypted; None where it is not.

    Raises:
        InputError: A file cannot be read, or does not hold what it should.
    """
    if entry.ca_file is None:
        return None
    try:
        context = ssl.create_default_context(cafile=folder / entry.ca_file)
        if entry.certificate_file is not None and entry.key_file is not None:
            own_certificate.load(context, folder / entry.certificate_file, folder / entry.key_file)
    except OSError as error:  # a missing file, or one that is no certificate
        rule = f"be a certificate and key that can be read: {error}"
        fault = Fault("ca_file", rule, (entry.ca_file,), (entry.station,))
        raise InputError("sunspec", [fault]) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
