"""A controlled station: takes set-points of a control centre, and tells what the fleet does.

The door to `hat.drivers`, which keeps the sequence numbers, acknowledgements and time-outs of the
protocol.
"""

import asyncio
import itertools
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, final

from hat.drivers import iec104, net

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.live import own_certificate
from evergrid.live.clock import AbstractClock
from evergrid.live.signals.iec104.entry import Iec104Entry
from evergrid.live.signals.iec104.setpoints import Selection, rule
from evergrid.live.signals.iec104.values import FleetMeasurement, points
from evergrid.live.signals.signal import AbstractSignalSource, SignalValue, TroubleReport

MOST_LINES = 4  # connections at once
MOST_WAITING = 64  # values that nobody has taken yet; older ones are left out
SEND_S = 5.0  # of the machine's clock, after which a line that takes nothing is cut
WHOLE_STATION = 20  # qualifier of an interrogation


@final
class ControlledStation(AbstractSignalSource):
    """One station with its lines.

    Args:
        entry: How it is set up.
        clock: The service's clock.
        measured: What the fleet does now.
        folder: What relative paths start from.
        told: Told of what is refused.
    """

    def __init__(
        self,
        entry: Iec104Entry,
        clock: AbstractClock,
        measured: Callable[[], FleetMeasurement],
        *,
        folder: Path = Path(),
        told: TroubleReport | None = None,
    ) -> None:
        self._entry, self._clock, self._measured = entry, clock, measured
        self._folder, self._told = folder, told
        self._lines: dict[int, iec104.Connection] = {}
        self._numbers = itertools.count(1)
        self._selection: Selection | None = None
        self._setpoint: tuple[int, float, float] | None = None  # line, kW, monotonic seconds
        self._sequence = itertools.count()
        self._waiting: asyncio.Queue[SignalValue] = asyncio.Queue(MOST_WAITING)
        self._server: net.Server | None = None
        self._reporting: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """Where it listens, once it has been started."""
        assert self._server is not None, "the station is started before it is reached"
        address = self._server.info.addresses[0]
        assert isinstance(address, net.TcpAddress), "it listens on the network"
        return address.port

    @property
    def lines(self) -> int:
        """Control centres that are connected."""
        return len(self._lines)

    async def start(self) -> None:
        """Listen.

        Raises:
            InputError: A file of a certificate cannot be read.
        """
        given: dict[str, Any] = {"ssl": tls(self._entry, self._folder)}
        address = net.TcpAddress(self._entry.address, self._entry.port)
        self._server = await iec104.listen(self._connected, address, **given)
        self._reporting = asyncio.create_task(self._report())

    async def stop(self) -> None:
        """Hang up, and listen no longer."""
        if self._reporting is not None:
            self._reporting.cancel()
            await asyncio.gather(self._reporting, return_exceptions=True)
        if self._server is not None:
            await self._server.async_close()

    async def values(self) -> AsyncIterator[SignalValue]:
        """Each set-point when it comes, and again at every report while its line holds it."""
        while True:
            yield await self._waiting.get()

    # Lines.

    async def _connected(self, connection: iec104.Connection) -> None:
        """Serve one control centre until it hangs up."""
        info = connection.info
        host = info.remote_addr.host if isinstance(info, net.TcpConnectionInfo) else ""
        if host not in self._entry.clients or len(self._lines) >= MOST_LINES:
            self._tell("line refused", f"{host} is no control centre of ours, or one too many")
            connection.close()
            return
        line = next(self._numbers)
        self._lines[line] = connection
        try:
            while True:
                for message in await connection.receive():
                    with self._clock.working():
                        await self._send(connection, self._answers(message, line))
        except ConnectionError:
            pass  # it has hung up
        except Exception as error:  # what the library cannot read; it has no errors of its own
            self._tell("message cannot be read", f"{host}: {type(error).__name__} {error}")
        finally:
            self._lines.pop(line, None)
            if self._selection is not None and self._selection.line == line:
                self._selection = None
            if self._setpoint is not None and self._setpoint[0] == line:
                self._setpoint = None
            connection.close()

    async def _send(self, connection: iec104.Connection, messages: list[iec104.Msg]) -> None:
        """Send, or cut a line that takes nothing."""
        if not messages or not connection.is_enabled:
            return
        try:
            async with asyncio.timeout(SEND_S):
                await connection.send(messages)
        except (TimeoutError, ConnectionError):
            connection.close()

    def _answers(self, message: iec104.Msg, line: int) -> list[iec104.Msg]:
        """What a message is answered with."""
        match message:
            case iec104.CommandMsg():
                return self._commanded(message, line)
            case iec104.InterrogationMsg():
                return self._interrogated(message)
            case iec104.ReadMsg():
                data = self._points().get(message.io_address)
                if data is None or message.asdu_address != self._entry.common_address:
                    unknown = iec104.ReadResCause.UNKNOWN_IO_ADDRESS
                    return [message._replace(cause=unknown)]
                return [self._data(message.io_address, data, iec104.DataResCause.REQUEST)]
            case iec104.ClockSyncMsg():  # our clock is set by the machine's own service
                confirmed = iec104.ClockSyncResCause.ACTIVATION_CONFIRMATION
                return [message._replace(is_negative_confirm=True, cause=confirmed)]
            case iec104.TestMsg():
                confirmed = iec104.ActivationResCause.ACTIVATION_CONFIRMATION
                return [message._replace(cause=confirmed)]
            case iec104.CounterInterrogationMsg():
                unknown = iec104.CommandResCause.UNKNOWN_TYPE
                return [message._replace(is_negative_confirm=True, cause=unknown)]
            case iec104.ResetMsg() | iec104.ParameterMsg() | iec104.ParameterActivationMsg():
                self._tell("message refused", type(message).__name__)
                unknown = iec104.ActivationResCause.UNKNOWN_TYPE
                return [message._replace(cause=unknown)]  # pyright: ignore[reportArgumentType] # one number in all three
            case _:
                self._tell("message refused", type(message).__name__)
                return []

    def _commanded(self, message: iec104.CommandMsg, line: int) -> list[iec104.Msg]:
        """Confirm or refuse a set-point; one that is obeyed is also told to have ended."""
        now_s, monotonic_s = self._clock.now_s(), self._clock.monotonic_s()
        ruling = rule(
            message,
            self._entry,
            self._selection,
            line=line,
            now_s=now_s,
            monotonic_s=monotonic_s,
        )
        self._selection = ruling.selection
        answer = message._replace(is_negative_confirm=ruling.negative, cause=ruling.cause)
        if ruling.negative and ruling.reason:
            self._tell("set-point refused", ruling.reason)
        if ruling.power_kw is None:
            return [answer]
        self._setpoint = (line, ruling.power_kw, monotonic_s)
        self._emit(ruling.power_kw)
        ended = iec104.CommandResCause.ACTIVATION_TERMINATION
        return [answer, answer._replace(cause=ended)]

    def _interrogated(self, message: iec104.InterrogationMsg) -> list[iec104.Msg]:
        """All measured objects, between a confirmation and an end."""
        causes = iec104.CommandResCause
        if message.asdu_address not in (self._entry.common_address, 0xFFFF):
            cause = causes.UNKNOWN_ASDU_ADDRESS
            return [message._replace(is_negative_confirm=True, cause=cause)]
        confirmed = message._replace(cause=causes.ACTIVATION_CONFIRMATION)
        if message.request != WHOLE_STATION:
            return [confirmed._replace(is_negative_confirm=True)]
        why = iec104.DataResCause.INTERROGATED_STATION
        told = [self._data(address, data, why) for address, data in self._points().items()]
        return [confirmed, *told, message._replace(cause=causes.ACTIVATION_TERMINATION)]

    # What is told.

    async def _report(self) -> None:
        """FleetMeasurement values to every line, and the set-point again, until cancelled."""
        while True:
            await self._clock.sleep(self._entry.report_s)
            with self._clock.working():
                self._repeat()
                why = iec104.DataResCause.PERIODIC
                told: list[iec104.Msg] = [
                    self._data(address, data, why) for address, data in self._points().items()
                ]
                for connection in tuple(self._lines.values()):
                    await self._send(connection, told)

    def _repeat(self) -> None:
        """A set-point holds while its line is there, but not for ever."""
        if self._setpoint is None:
            return
        _, power_kw, given_s = self._setpoint
        if self._clock.monotonic_s() - given_s > self._entry.hold_s:
            self._setpoint = None
            return
        self._emit(power_kw)

    def _emit(self, power_kw: float) -> None:
        if self._waiting.full():
            self._waiting.get_nowait()
        share = power_kw / self._entry.full_kw
        value = SignalValue(self._clock.now_s(), next(self._sequence), share, "iec104")
        self._waiting.put_nowait(value)

    def _points(self) -> dict[int, iec104.FloatingData]:
        return points(self._measured(), self._entry, now_s=self._clock.now_s())

    def _data(
        self, address: int, data: iec104.FloatingData, why: iec104.DataResCause
    ) -> iec104.DataMsg:
        return iec104.DataMsg(False, 0, self._entry.common_address, address, data, None, why)

    def _tell(self, what: str, text: str) -> None:
        if self._told is not None:
            self._told(what, text)


def tls(entry: Iec104Entry, folder: Path) -> ssl.SSLContext | None:
    """Both sides show a certificate.

    Raises:
        InputError: A file cannot be read.
    """
    if entry.ca_file is None or entry.certificate_file is None or entry.key_file is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        context.load_verify_locations(folder / entry.ca_file)
        own_certificate.load(context, folder / entry.certificate_file, folder / entry.key_file)
    except OSError as error:
        fault = Fault("ca_file", f"be certificates that can be read: {error}", (entry.ca_file,))
        raise InputError("config", [fault]) from error
    return context
