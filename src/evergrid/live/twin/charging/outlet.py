"""An outlet of a simulated station: what flows through it, and what was ordered.

Nothing here runs by itself. Powers that are still to come stand in a list, and are worked off when
somebody looks.
"""

import math
from collections.abc import Callable
from typing import final

from evergrid.live.twin.charging.battery import (
    Change,
    OutletState,
    Piece,
    StationCharger,
    Vehicle,
    advanced,
    flow,
    ramp,
    seconds_to_edge,
)

Sink = Callable[[Piece], None]


@final
class Outlet:
    """Charger and vehicle, moved by orders. Times are seconds of the clock that never goes back.

    Args:
        charger: Its ratings.
        sink: Is told every piece of constant power, in order.
        begin_s: When it is switched on.
    """

    def __init__(self, charger: StationCharger, sink: Sink, begin_s: float) -> None:
        self.charger = charger
        self.vehicle: Vehicle | None = None
        self.state = OutletState(begin_s, 0.0)
        self._sink = sink
        self._wanted: list[Change] = [Change(begin_s, 0.0)]

    @property
    def target(self) -> Change:
        """Power that it goes for, and when it will be there."""
        return self._wanted[-1]

    def plug_in(self, vehicle: Vehicle, energy_kwh: float, now_s: float) -> None:
        """A vehicle is plugged in, and takes nothing yet; the registers go on."""
        self.advance(now_s)
        self.vehicle = vehicle
        self.state = self.state._replace(
            energy_kwh=energy_kwh, least_kwh=energy_kwh, power_kw=0.0, reactive_kvar=0.0
        )
        self._wanted = [Change(now_s, 0.0)]

    def unplug(self, now_s: float) -> OutletState:
        """The vehicle leaves; how things stood."""
        last = self.advance(now_s)
        self.vehicle = None
        self.state = last._replace(power_kw=0.0, reactive_kvar=0.0)
        self._wanted = [Change(now_s, 0.0)]
        return last

    def order(self, power_kw: float, reactive_kvar: float, now_s: float) -> float:
        """Go for a power that the charger can hold; the moment at which it is there.

        What was ordered before goes on until the charger has begun to follow.
        """
        self.advance(now_s)
        begin_s = now_s + self.charger.latency_s
        before = self._wanted[0]
        kept = []
        for change in self._wanted:
            if change.time_s < begin_s:
                before = change
                kept.append(change)
        start = before._replace(time_s=begin_s)
        self._wanted = [*kept, *ramp(self.charger, start, power_kw, reactive_kvar)]
        return self._wanted[-1].time_s

    def advance(self, now_s: float) -> OutletState:
        """How things stand at a moment, which must not go back; the power is that from then on."""
        if self.vehicle is None:
            self.state = self.state._replace(time_s=max(now_s, self.state.time_s))
            return self.state
        self.state, pieces = advanced(self.charger, self.vehicle, self.state, self._wanted, now_s)
        for piece in pieces:
            self._sink(piece)
        while len(self._wanted) > 1 and self._wanted[1].time_s <= now_s:
            del self._wanted[0]
        power_kw, _ = flow(self.charger, self.vehicle, self.state.energy_kwh, *self._wanted[0][1:])
        self.state = self.state._replace(
            power_kw=power_kw, reactive_kvar=self._wanted[0].reactive_kvar
        )
        return self.state

    def seconds_to_edge(self) -> float:
        """Time until the power may change by itself, once no step of a ramp is left."""
        if self.vehicle is None:
            return math.inf
        return seconds_to_edge(self.charger, self.vehicle, self.state.energy_kwh, self._wanted[-1])
