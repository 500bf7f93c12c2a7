"""Takes in what meters say: energy is paid for, power is held against orders, soc corrects."""

from collections.abc import Sequence
from typing import final

import numpy as np

from evergrid.live.controller.books import ledger_lines
from evergrid.live.controller.books.transactions import OpenTransaction
from evergrid.live.controller.ordering import Ordering
from evergrid.live.controller.service_state import ServiceState
from evergrid.live.controller.vehicles import vehicle as vehicles
from evergrid.live.devices.adapter import MeterReading
from evergrid.model.prices import Prices


@final
class Metering:
    """Meter values of all stations.

    Args:
        state: Of the service.
        ordering: Tells vehicles that do not follow what to do.
        prices: Of energy.
    """

    def __init__(self, state: ServiceState, ordering: Ordering, prices: Prices) -> None:
        self._state, self._ordering, self.prices = state, ordering, prices

    def take(
        self,
        station: str,
        known: OpenTransaction,
        readings: Sequence[MeterReading],
        *,
        live: bool,
        sequence: int | None = None,
    ) -> None:
        """Meter values: registers are paid for, power is held against orders, soc corrects."""
        row = self._state.fleet.row.get(station, -1)
        for reading in readings:
            buy, sell = self.prices_at(reading.time_s)
            known.meter.read(reading.drawn_kwh, reading.fed_kwh, buy, sell, sequence=sequence)
            known.soc = reading.soc if reading.soc is not None else known.soc
            if not live or row not in self._state.fleet.vehicles:
                continue
            if reading.power_kw is not None:
                now_s = self._state.clock.monotonic_s()
                accepted_kw, shift_kw = float(self._state.fleet.following.accepted_kw[row]), 0.0
                if self._state.support is not None and not np.isnan(accepted_kw):
                    can = self._state.fleet.power_range(row)
                    shift_kw = self._state.support.take(station, reading, accepted_kw, can)
                if self._state.fleet.measure_power(row, reading.power_kw, now_s, shift_kw=shift_kw):
                    self._tell_following(station, row)
            if reading.soc is not None:
                self._correct(row, reading.soc)

    def _tell_following(self, station: str, row: int) -> None:
        if self._state.fleet.following.follows[row]:
            self._state.end_alarm("not_following", station)
            return
        following = self._state.fleet.following
        ordered, measured = following.accepted_kw[row], following.measured_kw[row]
        text = f"{station} accepted {ordered:g} kW and measures {measured:g} kW"
        self._state.raise_alarm("not_following", station, text)
        self._state.spawn(self._ordering.on_its_own(row))

    def _correct(self, row: int, soc: float) -> None:
        """Energy as counted, brought to within what a rounded soc leaves open."""
        counted = self._state.fleet.energy_kwh(row)
        energy_kwh = vehicles.within_soc(self._state.fleet.vehicles[row], soc, counted)
        if energy_kwh != counted:
            self._state.fleet.measure_energy(row, energy_kwh, self._state.clock.now_s())

    def use_prices(self, prices: Prices) -> None:
        """Energy costs this from now on."""
        self.prices = prices

    def prices_at(self, wall_s: float) -> tuple[float, float]:
        """Price of energy drawn and of energy fed at a moment; the nearest where there is none."""
        return ledger_lines.prices_at(self.prices, wall_s)
