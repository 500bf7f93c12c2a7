"""A battery that is simulated, and speaks SunSpec over a real Modbus socket.

Its physics are its own: cells with losses each way, a converter that ramps, limits at empty and
full, and an order that ends when its reversion timer runs out. Faults can be set at any time.
"""

import asyncio
import math
from typing import Any, final

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from evergrid.core.units import S_PER_H
from evergrid.live.clock import AbstractClock
from evergrid.live.sunspec.simulated_map import BEGIN, BatterySize, MeasurementPoints, map_of

WRITES = (6, 16)  # Modbus functions that write registers
RAMP_STEP_S = 0.25  # in which a ramp is followed
LEAST_S = 1e-6
SILENCE_S = 0.05  # of the machine's clock, between two looks at whether it answers again


@final
class SimulatedBattery:
    """One battery.

    Args:
        size: As it is built.
        clock: By which its energy flows and its timers run.
        soc: At the begin, 0 to 1.
    """

    def __init__(self, size: BatterySize, clock: AbstractClock, *, soc: float = 0.5) -> None:
        self.size, self._clock = size, clock
        self.energy_kwh = soc * size.capacity_kwh
        self.power_kw = 0.0
        """At its terminals, into the grid."""
        self.fed_kwh = self.drawn_kwh = 0.0
        self.setpoint_kw: float | None = None
        """What it was told; None while it is under its own control, and idle."""
        self.reverts_s = math.inf
        """When that ends, by the clock's monotonic seconds."""
        self.alarm_bits = 0
        self.deaf = False
        """Takes orders, and does not follow them."""
        self.silent = False
        """Does not answer."""
        self.writes = 0
        """Requests to write so far."""
        self._now_s = clock.monotonic_s()
        self._map = map_of(size)
        self._server: ModbusTcpServer | None = None
        self._port = 0

    @property
    def soc(self) -> float:
        """State of charge, 0 to 1."""
        return self.energy_kwh / self.size.capacity_kwh

    @property
    def port(self) -> int:
        """Where it listens, once it has been started."""
        return self._port

    async def start(self, *, address: str = "127.0.0.1", port: int = 0) -> None:
        """Listen, on any free port unless told otherwise."""
        registers = SimData(BEGIN, values=self._map.image(), datatype=DataType.REGISTERS)
        device = SimDevice(1, simdata=[registers], action=self._accessed)
        server = ModbusTcpServer(device, address=(address, port))
        await server.serve_forever(background=True)
        listening: Any = server.transport  # a server of whichever event loop is used
        self._port = listening.sockets[0].getsockname()[1]
        self._server = server

    async def stop(self) -> None:
        """Hang up on everybody, and listen no longer."""
        if self._server is not None:
            await self._server.shutdown()
            self._server = None

    def advance(self) -> None:
        """Live until now."""
        until_s = self._clock.monotonic_s()
        while until_s - self._now_s > LEAST_S:
            self._step(until_s - self._now_s)

    async def _accessed(
        self,
        function: int,
        start: int,
        address: int,
        count: int,
        registers: list[int],
        written: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        """Registers are read or written: time passes first, and what is written is obeyed."""
        while self.silent:
            await asyncio.sleep(SILENCE_S)
        self.advance()
        offsets = range(address - start, address - start + count)
        if function in WRITES and written:
            if not self._map.writable.issuperset(offsets):
                return ExcCodes.ILLEGAL_ADDRESS
            self.writes += 1
            registers[offsets.start : offsets.stop] = [int(one) for one in written]
            self._obey(restarted=not self._map.timer.isdisjoint(offsets), registers=registers)
        self._map.show(registers, self._shown())
        return None

    def _obey(self, *, restarted: bool, registers: list[int]) -> None:
        order = self._map.order(registers)
        self.setpoint_kw = order.power_kw
        if restarted:
            self.reverts_s = self._now_s + (order.reversion_s or math.inf)

    def _shown(self) -> MeasurementPoints:
        left_s = self.reverts_s - self._now_s
        under_orders = self.setpoint_kw is not None
        return MeasurementPoints(
            power_kw=self.power_kw,
            soc=self.soc,
            drawn_kwh=self.drawn_kwh,
            fed_kwh=self.fed_kwh,
            alarm_bits=self.alarm_bits,
            under_orders=under_orders,
            remaining_s=left_s if under_orders and math.isfinite(left_s) else 0.0,
        )

    def _step(self, most_s: float) -> None:
        """One stretch of time over which the power is constant."""
        if self._now_s >= self.reverts_s:
            self.setpoint_kw, self.reverts_s = None, math.inf
        dt_s = min(most_s, self.reverts_s - self._now_s)
        target_kw = self._target_kw()
        if self.power_kw != target_kw:
            dt_s = min(dt_s, RAMP_STEP_S)
            change = self.size.ramp_kw_per_s * dt_s
            self.power_kw += min(max(target_kw - self.power_kw, -change), change)
        dt_s = min(dt_s, max(self._lasts_s(), LEAST_S))
        self._flow(dt_s)
        self._now_s += dt_s

    def _target_kw(self) -> float:
        """What it does of what it was told: nothing where it is empty, full, or at fault."""
        asked = 0.0 if self.setpoint_kw is None or self.deaf else self.setpoint_kw
        empty, full = self.energy_kwh <= 0, self.energy_kwh >= self.size.capacity_kwh
        if self.alarm_bits or (asked > 0 and empty) or (asked < 0 and full):
            return 0.0
        return min(max(asked, -self.size.charge_kw), self.size.discharge_kw)

    @property
    def _cells_kw(self) -> float:
        """Power out of the cells."""
        eta = self.size.efficiency
        return self.power_kw / eta if self.power_kw > 0 else self.power_kw * eta

    def _lasts_s(self) -> float:
        """Until it is empty or full."""
        cells_kw = self._cells_kw
        if cells_kw == 0:
            return math.inf
        left_kwh = self.energy_kwh if cells_kw > 0 else self.size.capacity_kwh - self.energy_kwh
        return left_kwh / abs(cells_kw) * S_PER_H

    def _flow(self, dt_s: float) -> None:
        """Energy moves; at empty and full the converter stops at once."""
        hours = dt_s / S_PER_H
        self.fed_kwh += max(self.power_kw, 0.0) * hours
        self.drawn_kwh += max(-self.power_kw, 0.0) * hours
        stored_kwh = self.energy_kwh - self._cells_kw * hours
        self.energy_kwh = min(max(stored_kwh, 0.0), self.size.capacity_kwh)
        end = self.size.capacity_kwh if self.power_kw < 0 else 0.0
        if self.power_kw and math.isclose(self.energy_kwh, end, abs_tol=1e-9):
            self.energy_kwh, self.power_kw = end, 0.0
