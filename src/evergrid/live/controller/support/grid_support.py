"""Gives stations their grid functions, reads them back, watches their meters, and takes them away.

Slopes come from a study's table, which is looked at again and again: what it no longer lists is
taken away. What was given is written down, so that it is also taken away after a restart.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, final, runtime_checkable

import msgspec

from evergrid.core.errors import EvergridError, InputError
from evergrid.core.faults import Fault
from evergrid.data.files.locate import locate
from evergrid.live.clock import AbstractClock
from evergrid.live.config import Config
from evergrid.live.controller.support import curves, safe_slopes
from evergrid.live.controller.support.curves import CONTROLS, FREQ_DROOP, VOLT_VAR
from evergrid.live.controller.support.response import ResponseState, StationResponse
from evergrid.live.controller.vehicles.vehicle import PowerRange
from evergrid.live.devices.adapter import Device, MeterReading, OrderResult
from evergrid.live.ocpp.grid_functions import FreqDroop, GridFunction, VoltVar
from evergrid.live.store.entry import AbstractLog, Entry
from evergrid.live.view import GridFunctionRow

KIND = "grid_function"  # of entries of the log
FILE_ALARM = "grid_strength_file"
REFUSED, UNRESPONSIVE = "grid_function_refused", "grid_function_unresponsive"
TOO_STEEP = "grid_function_too_steep"
STEEPER = 1.0 + 1e-6  # by rounding, and no more
_decode = msgspec.json.Decoder(dict[str, str])


@runtime_checkable
class AbstractFunctions(Protocol):
    """Sets and clears functions of stations; `GridFunctions` of the central system does."""

    async def set(self, station: str, function: GridFunction) -> OrderResult:
        """Give a function and read it back."""
        ...

    async def clear(self, station: str, control: str, *, default: bool = False) -> OrderResult:
        """Take a function away."""
        ...


@runtime_checkable
class AbstractAlarmBoard(Protocol):
    """Where alarms are raised; the controller."""

    def raise_alarm(self, kind: str, source: str, text: str) -> None:
        """Something an operator should know."""
        ...

    def end_alarm(self, kind: str, source: str) -> None:
        """It is over."""
        ...


@final
class GridSupport:
    """Grid functions of all stations.

    Args:
        config: Of the service.
        folder: What relative paths start from.
        devices: Every station.
        functions: Reach stations.
        board: Where alarms are raised.
        log: Where is written what stations were given.
        clock: Of the service.

    Raises:
        InputError: A table that is none, or a product that is no droop.
        MissingFileError: No table.
    """

    def __init__(
        self,
        config: Config,
        folder: Path,
        devices: Sequence[Device],
        functions: AbstractFunctions,
        board: AbstractAlarmBoard,
        log: AbstractLog,
        clock: AbstractClock,
    ) -> None:
        self._config, self._functions, self._board = config, functions, board
        self._log, self._clock = log, clock
        self._devices = {one.station: one for one in devices if not one.stationary}
        source = config.grid_strength
        self._path = None if source is None else locate(source.file, folder)
        self._seen: tuple[int, int] | None = None
        self.safe: dict[str, float] = {}
        """Steepest slope of each station that the table lists."""
        self.responses: dict[str, dict[str, StationResponse]] = {}
        """What each station was given, by kind of function, and whether it does it."""
        self._able: dict[str, frozenset[str]] = {}  # kinds that connected stations name
        self._there: dict[str, set[str]] = {}  # kinds that stations may hold, by the log
        self._withdrawn: set[tuple[str, str]] = set()  # station and kind that an operator cleared
        self._droop: FreqDroop | None = None
        if config.frequency_droop is not None:
            self._droop = curves.freq_droop(config.frequency_droop)
        if self._path is not None:
            self._read()

    def restore(self, entries: Iterable[Entry]) -> None:
        """Take up from the log what stations were given before the service started."""
        for entry in entries:
            body = _decode.decode(entry.body)
            there = self._there.setdefault(entry.station, set())
            (there.add if body["state"] == "set" else there.discard)(body["kind"])

    def rows(self, station: str) -> tuple[GridFunctionRow, ...]:
        """What a station was given, and what is known of it."""
        known = self.responses.get(station, {})
        kinds = sorted({*self._there.get(station, ()), *known})
        return tuple(_row(kind, known.get(kind)) for kind in kinds)

    # Which functions a station is to have.

    def wanted(self, station: str) -> dict[str, GridFunction]:
        """The functions that a station is to have, by kind."""
        found: dict[str, GridFunction] = {}
        source, safe = self._config.grid_strength, self.safe.get(station, 0.0)
        if source is not None and safe > 0:
            slope = safe if source.slope is None else source.slope
            if slope <= safe * STEEPER:
                found[VOLT_VAR] = curves.volt_var(slope, source)
                self._board.end_alarm(TOO_STEEP, station)
            else:
                text = f"a slope of {slope:g} is steeper than {safe:g}, the safe one of {station}"
                self._board.raise_alarm(TOO_STEEP, station, text)
        if self._droop is not None:
            found[FREQ_DROOP] = self._droop
        return {
            kind: function
            for kind, function in found.items()
            if (station, kind) not in self._withdrawn
        }

    def check(self, station: str, action: str, payload: Mapping[str, Any]) -> None:
        """Refuse an operator's own curve that is steeper than what is safe there.

        Raises:
            InputError: It is steeper.
        """
        if action != "SetDERControl" or payload.get("controlType") != VOLT_VAR:
            return
        safe = self.safe.get(station)
        if safe is None or "curve" not in payload:
            return
        slope = curves.steepest(payload)
        if slope > safe * STEEPER:
            rule = f"be no steeper than {safe:g}, the safe slope of its bus"
            fix = "Flatten the curve, or study grid_strength anew."
            raise InputError(action, [Fault("curveData", rule, (slope,), (station,), fix=fix)])

    async def called(self, station: str, action: str, payload: Mapping[str, Any]) -> None:
        """An operator has called a station: what was cleared by hand is not given again."""
        if action != "ClearDERControl":
            return
        for kind, control in CONTROLS.items():
            if payload.get("controlId") in (None, control) and payload.get("controlType") in (
                None,
                kind,
            ):
                self._withdrawn.add((station, kind))
                await self._forget(station, kind)

    # What stations tell.

    async def described(self, station: str, kinds: frozenset[str]) -> None:
        """A station has connected, or booted, and names the functions that it has."""
        self._able[station] = kinds
        await self.apply(station)

    def gone(self, station: str) -> None:
        """A station is not connected; what it was given stays with it."""
        self._able.pop(station, None)

    async def apply(self, station: str) -> None:
        """Give a station what it is to have, and take away what it is not."""
        able, wanted = self._able.get(station), self.wanted(station)
        if able is None or station not in self._devices:
            return
        for kind in sorted(self._there.get(station, set()) - set(wanted)):
            await self._clear(station, kind)
        for kind, function in wanted.items():
            if kind in able:
                await self._set(station, kind, function)

    async def _set(self, station: str, kind: str, function: GridFunction) -> None:
        await self._write(station, kind, "set")  # before it is sent: it may be there from then on
        self._there.setdefault(station, set()).add(kind)
        result = await self._functions.set(station, function)
        if result is OrderResult.ACCEPTED:
            self._board.end_alarm(REFUSED, station)
            known = self.responses.get(station, {}).get(kind)
            if known is None or known.function != function:
                self.responses.setdefault(station, {})[kind] = self._response(station, function)
            return
        self.responses.get(station, {}).pop(kind, None)
        if result is not OrderResult.OFFLINE:
            text = f"{station} does not have {kind} as it was given: {result}"
            self._board.raise_alarm(REFUSED, station, text)

    def _response(self, station: str, function: GridFunction) -> StationResponse:
        source = self._config.grid_strength
        allowed = 3 if source is None else source.meter_values
        rating = safe_slopes.rating_kva(self._devices[station])
        return StationResponse(function, self._clock.now_s(), rating, allowed)

    async def _clear(self, station: str, kind: str) -> None:
        result = await self._functions.clear(station, CONTROLS[kind], default=True)
        if result is OrderResult.ACCEPTED:
            await self._forget(station, kind)
            self._board.end_alarm(REFUSED, station)
        elif result is not OrderResult.OFFLINE:
            text = f"{station} does not give {kind} up: {result}"
            self._board.raise_alarm(REFUSED, station, text)

    async def _forget(self, station: str, kind: str) -> None:
        await self._write(station, kind, "cleared")
        self._there.get(station, set()).discard(kind)
        self.responses.get(station, {}).pop(kind, None)
        self._board.end_alarm(UNRESPONSIVE, f"{station} {kind}")

    async def _write(self, station: str, kind: str, state: str) -> None:
        body = msgspec.json.encode({"kind": kind, "state": state})
        await self._log.append([Entry(KIND, self._clock.now_s(), station, body=body)])

    # What meters show.

    def observe(
        self,
        station: str,
        reading: MeterReading,
        ordered_kw: float,
        power_range: PowerRange,
    ) -> None:
        """Hold a meter value against what a station was given.

        Args:
            station: Whose.
            reading: Of its meter.
            ordered_kw: Power that it accepted.
            power_range: Of the station with the vehicle that is plugged in.
        """
        for kind, response in self.responses.get(station, {}).items():
            voltage_v = self._devices[station].voltage_v
            if not response.observe(reading, voltage_v, ordered_kw, power_range):
                continue
            source = f"{station} {kind}"
            if response.state is ResponseState.UNRESPONSIVE:
                text = f"{station} accepted {kind} and does not do what it says by its meter"
                self._board.raise_alarm(UNRESPONSIVE, source, text)
            else:
                self._board.end_alarm(UNRESPONSIVE, source)

    def take(
        self,
        station: str,
        reading: MeterReading,
        ordered_kw: float,
        power_range: PowerRange,
    ) -> float:
        """`observe` a meter value; what the droop may have added to the order by itself."""
        self.observe(station, reading, ordered_kw, power_range)
        shift_kw = self.shift_kw(station, reading.frequency_hz)
        if shift_kw == 0.0 or reading.power_kw is None:
            return 0.0
        return power_range.given_kw(ordered_kw + shift_kw, reading.power_kw) - ordered_kw

    def shift_kw(self, station: str, frequency_hz: float | None) -> float:
        """Power into the grid that a station's droop adds to its orders; 0 without one."""
        response = self.responses.get(station, {}).get(FREQ_DROOP)
        if response is None or frequency_hz is None:
            return 0.0
        function = response.function
        assert not isinstance(function, VoltVar)
        return curves.expected_shift_kw(function, frequency_hz, response.rating_kva)

    # The table.

    async def watch(self) -> None:
        """Look at the table again and again, until cancelled."""
        source = self._config.grid_strength
        while source is not None:
            await self._clock.sleep(source.check_s)
            await self.look()

    async def look(self) -> None:
        """Read the table where it has changed, and give stations what now holds.

        One that cannot be read leaves all as it is, with an alarm; one that is gone lists nobody.
        """
        try:
            changed = self._read()
        except EvergridError as error:
            self._board.raise_alarm(FILE_ALARM, "grid_strength", str(error))
            return
        self._board.end_alarm(FILE_ALARM, "grid_strength")
        if changed:
            for station in sorted(self._able):
                await self.apply(station)

    def _read(self) -> bool:
        """Whether the table is another than before."""
        assert self._path is not None
        source = self._config.grid_strength
        assert source is not None
        file = self._path / safe_slopes.TABLE if self._path.is_dir() else self._path
        if not file.is_file() and self._seen is not None:
            before, self.safe = self.safe, {}
            return bool(before)
        status = file.stat() if file.is_file() else None
        seen = None if status is None else (status.st_mtime_ns, status.st_size)
        if seen is not None and seen == self._seen:
            return False
        buses = safe_slopes.read(self._path)
        devices = tuple(self._devices.values())
        self.safe, self._seen = safe_slopes.of_stations(buses, devices, source.at), seen
        return True


_STATES = {
    ResponseState.UNSEEN: "read back",
    ResponseState.VERIFIED: "verified",
    ResponseState.UNRESPONSIVE: "contradicted",
}


def _row(kind: str, response: StationResponse | None) -> GridFunctionRow:
    if response is None:
        return GridFunctionRow(kind, (), None, "given")
    points = curves.points(response.function)
    return GridFunctionRow(kind, points, response.since_s, _STATES[response.state])
