"""Chargers that follow, by themselves: wait for a good voltage, enter service, trip."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.units import S_PER_H, W_PER_KW
from evergrid.resilience.black_start.assets.following import FollowingRules
from evergrid.resilience.black_start.assets.panels import PanelSource
from evergrid.resilience.black_start.checks import closing
from evergrid.resilience.black_start.circuit import FollowingSource
from evergrid.resilience.black_start.results.outcome import Action, FollowerOutcome
from evergrid.resilience.black_start.sequence.program import Steps
from evergrid.resilience.black_start.settings import StartSequence
from evergrid.resilience.black_start.state.island import STRETCH_S, Island
from evergrid.resilience.inverter.droop import STATES
from evergrid.resilience.network.dq_state import DqState
from evergrid.resilience.network.elements import GridFollowingUnit
from evergrid.resilience.network.references import PowerReference

POLL_S = 0.1  # from look to look
LEAST_SHARE = 0.02  # of a rating, by which the power of panels is told anew
LOADED = 0.9  # of what blocks draw, what all that follow may feed together


@dataclass
class _Follower:
    """One charger and what became of it."""

    unit: FollowingSource
    section: int
    good_s: float = 0.0
    on: bool = False
    out: bool = False
    entered_s: float = np.inf
    tripped_s: float = np.inf
    trips: int = 0
    reason: str = "the voltage was not good for long enough"


class FollowingChargers:
    """All chargers that follow, of the site and its neighbours.

    Args:
        island: With everything in it.
        sequence: Of the site.
        rules: Of these chargers.
    """

    def __init__(self, island: Island, sequence: StartSequence, rules: FollowingRules) -> None:
        self.island = island
        self.sequence = sequence
        self.rules = rules
        self.chargers = [
            _Follower(unit, island.section_of(unit.name)) for unit in island.circuit.followers
        ]

    def follow(self) -> Steps:
        """Look at each from time to time, until all is over."""
        while self.island.time_s < self.island.duration_s - STRETCH_S:
            yield POLL_S
            for one in self.chargers:
                if one.on:
                    self._watch(one)
                elif not one.out:
                    self._wait(one)

    def outcomes(self) -> tuple[FollowerOutcome, ...]:
        """What became of each."""
        island, found = self.island, []
        for place, one in enumerate(self.chargers):
            found.append(
                FollowerOutcome(
                    unit=one.unit.name,
                    section=island.circuit.sections[one.section].name,
                    on_at_end=one.on and one.unit.name in island.all_joined_units(one.section),
                    entered_s=one.entered_s,
                    tripped_s=one.tripped_s,
                    trips=one.trips,
                    energy_kwh=float(island.energy.follower_kwh[place]),
                    reason=one.reason,
                )
            )
        return tuple(found)

    # Waiting

    def _wait(self, one: _Follower) -> None:
        """Count how long voltage and frequency have been good, and enter service after that."""
        good = one.section in self.island.armed and not self._bad(one).any()
        one.good_s = one.good_s + POLL_S if good else 0.0
        there_s = S_PER_H * one.unit.arrival_h + self.sequence.auxiliary_s
        late = self.island.time_s >= there_s
        if late and one.good_s >= self.rules.enter_s - POLL_S / 2:
            self._enter(one)

    def _bad(self, one: _Follower) -> np.ndarray:
        """Whether voltage or frequency were outside their windows, since the last look."""
        rules, nominal = self.rules, self.island.circuit.site.nominal_hz
        frequency, voltage = _recent(self.island, one.section, POLL_S)
        inside = (voltage >= rules.low_voltage_pu) & (voltage <= rules.high_voltage_pu)
        inside &= frequency >= nominal - rules.low_deviation_hz
        inside &= frequency <= nominal + rules.high_deviation_hz
        return ~inside  # NaN is never inside

    def _enter(self, one: _Follower) -> None:
        """Connect it without power and let it ramp up, if that is stable and the load is there."""
        island, name = self.island, one.unit.name
        power_kw = self._wanted_kw(one)
        if isinstance(one.unit, PanelSource) and power_kw < LEAST_SHARE * one.unit.apparent_kva:
            one.reason = "there is no sun, or no load that takes it"
            return
        fed_kw = power_kw + closing.fed_kw(island, one.section)
        most_kw = LOADED * closing.demand_kw(island, one.section)
        if fed_kw > most_kw and not island.on_grid(one.section):
            one.reason = (
                f"those that follow would feed {fed_kw:.4g} kW, more than {most_kw:.4g} kW, 0.9 of "
                "what the blocks draw, and charge those that form the grid"
            )
            return
        if self._energy_left_kwh(one) <= 0:
            one.out, one.reason = True, "there is no energy above its reserve"
            return
        ramp = PowerReference(
            power_w=W_PER_KW * power_kw, ramp_start_s=island.time_s, ramp_s=self.rules.ramp_s
        )
        island.powers[name] = ramp
        positions = island.positions.starting(name).closing(name)
        check = closing.check_stability(island, positions, name, one.section)
        island.checks.append(check)
        before = island.reading(one.section)
        if not check.allowed and not self.sequence.run_unstable:
            one.out, one.reason = True, check.reason
            island.log(Action.REFUSED, name, check.reason, before, one.section)
            return
        _connect(island, name, one.section)
        one.on, one.entered_s, one.reason = True, min(one.entered_s, island.time_s), ""
        words = (
            f"good voltage for {self.rules.enter_s:g} s; follows it and ramps to {power_kw:g} kW "
            f"in {self.rules.ramp_s:g} s"
        )
        island.log(Action.ENTERED, name, words, before, one.section)

    def _wanted_kw(self, one: _Follower) -> float:
        """What one is to feed: chargers a share of their power, panels what the load takes."""
        if not isinstance(one.unit, PanelSource):
            return self.rules.power_share * one.unit.max_discharge_kw
        if self.island.on_grid(one.section):
            return one.unit.max_discharge_kw
        told = self.island.powers.get(one.unit.name) if one.on else None
        own_kw = 0.0 if told is None else told.power_w / W_PER_KW
        room_kw = LOADED * closing.demand_kw(self.island, one.section)
        room_kw -= closing.fed_kw(self.island, one.section) - own_kw
        return min(one.unit.max_discharge_kw, max(room_kw, 0.0))

    def _curtail(self, one: _Follower) -> None:
        """Panels feed more or less as blocks come and go."""
        told = self.island.powers[one.unit.name]
        wanted_w = W_PER_KW * self._wanted_kw(one)
        now_s = self.island.time_s
        ramped = now_s >= told.ramp_start_s + told.ramp_s
        if ramped and abs(wanted_w - told.power_w) > LEAST_SHARE * W_PER_KW * one.unit.apparent_kva:
            self.island.follow_power(
                one.unit.name,
                PowerReference(
                    power_w=wanted_w,
                    from_w=told.power_w,
                    ramp_start_s=now_s,
                    ramp_s=self.rules.ramp_s,
                ),
            )

    # In service

    def _watch(self, one: _Follower) -> None:
        """Trip on what its own protection sees."""
        island, rules = self.island, self.rules
        frequency, voltage = _recent(island, one.section, POLL_S)
        if not island.joined_units(one.section):
            self._drop(one, "its bus is dead")
        elif self._energy_left_kwh(one) <= 0:
            self._drop(one, "its energy has run out")
            one.out = True
        elif island.lasting(f"{one.unit.name} window", self._bad(one), rules.trip_s):
            self._drop(
                one,
                f"voltage or frequency outside its window: {np.nanmin(voltage):.2f} to "
                f"{np.nanmax(voltage):.2f} pu, {np.nanmin(frequency):.2f} to "
                f"{np.nanmax(frequency):.2f} Hz",
            )
        elif isinstance(one.unit, PanelSource):
            self._curtail(one)
        elif rules.anti_islanding == "rocof" and not island.on_grid(one.section):
            rate = self._rate_hz_per_s(one)
            if abs(rate) > rules.rocof_hz_per_s:
                self._drop(
                    one,
                    f"frequency changes by {rate:+.2f} Hz/s, which its protection against "
                    "islands takes for the loss of the grid",
                )

    def _rate_hz_per_s(self, one: _Follower) -> float:
        """Greatest rate of change of frequency over the window, since the last look."""
        window_s = self.rules.rocof_window_s
        frequency, _ = _recent(self.island, one.section, window_s + POLL_S)
        samples = round(window_s / 1e-3)
        if len(frequency) <= samples:
            return 0.0
        rates = (frequency[samples:] - frequency[:-samples]) / window_s
        known = rates[np.isfinite(rates)]
        return float(known[np.abs(known).argmax()]) if len(known) else 0.0

    def _energy_left_kwh(self, one: _Follower) -> float:
        place = self.chargers.index(one)
        had = one.unit.energy_arrival_kwh - one.unit.energy_reserve_kwh
        return had - float(self.island.energy.follower_kwh[place])

    def _drop(self, one: _Follower, cause: str) -> None:
        """Open its breaker; it waits for a good voltage again."""
        island, name = self.island, one.unit.name
        before = island.reading(one.section)
        island.move(island.positions.opening(name).stopping(name))
        island.log(Action.TRIP, name, cause, before, one.section)
        one.on, one.good_s, one.reason = False, 0.0, cause
        one.tripped_s, one.trips = island.time_s, one.trips + 1


def _connect(island: Island, name: str, section: int) -> None:
    """Connect a unit that follows, which has found the voltage of its bus and feeds nothing."""
    network = island.circuit.network
    place = [unit.name for unit in network.units].index(name)
    unit = network.units[place]
    assert isinstance(unit, GridFollowingUnit)
    assembly = island.assembly()
    (at,) = np.nonzero(assembly.buses == network.bus_index[unit.bus])
    voltage = assembly.voltages_v(island.state.values, island.time_s)[at[0]]
    w = 2.0 * np.pi * island.frequency_hz(section)
    island.move(island.positions.starting(name).closing(name))
    values = island.state.values.copy()
    first = place * len(STATES)
    values[first : first + len(STATES)] = unit.inverter.synchronised(complex(voltage), w)
    island.state = DqState(island.time_s, values)


def _recent(island: Island, section: int, seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """Frequency and voltage of a section at the samples of the last seconds."""
    rows = island.rows[-max(round(seconds / STRETCH_S), 1) :]
    frequency = np.concatenate([row.section_frequency[:, section] for row in rows])
    return frequency, np.concatenate([row.section_voltage[:, section] for row in rows])
