"""What a frequency response study finds."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Bool, Float
from evergrid.model.session import Sessions
from evergrid.resilience.frequency.area import Area
from evergrid.resilience.frequency.parked import ParkedVehicles
from evergrid.resilience.frequency.playback import Playback
from evergrid.resilience.frequency.response import FleetResponse
from evergrid.resilience.frequency.simulation import Disturbance, Trajectories

WITHOUT, WITH = 0, 1  # rows of the two trajectories
CASES = ("without", "with")


@dataclass(frozen=True)
class Needs:
    """What keeps the limit; None where nothing within reach does.

    Attributes:
        fleet_mw: The smallest award, up to what the vehicles can hold.
        inertia_s: The smallest inertia, without the fleet and with it.
        reserve_mw: The smallest reserve of plants, without the fleet and with it.
    """

    fleet_mw: float | None
    inertia_s: tuple[float | None, float | None]
    reserve_mw: tuple[float | None, float | None]


@dataclass(frozen=True)
class EventResults:
    """A loss of generation, with and without the fleet.

    Attributes:
        sessions: All of them.
        vehicles: Those that are plugged in at the moment.
        area: The plants, load and relays.
        disturbance: What is lost.
        fleet: How it answers, with its award.
        headroom_mw: What the vehicles can hold, up and down.
        trajectories: Without and with the fleet.
        step_error_hz: By which the nadirs change when the step of integration is halved.
        delay_margin_s: Delay at which the fleet would begin to hunt.
        sweep: Awards of the sweep, in MW, the first being 0.
        swept: By award and inertia, one row after the other.
        swept_stable: Whether the loop of each is stable; the others are not to be believed.
        sizes_mw: Awards from none to all that can be held.
        sized: One event for each of them.
        sized_stable: Whether the loop of each is stable.
        needs: What keeps the limit.
    """

    sessions: Sessions
    vehicles: ParkedVehicles
    area: Area
    disturbance: Disturbance
    fleet: FleetResponse
    headroom_mw: tuple[float, float]
    trajectories: Trajectories
    step_error_hz: float
    delay_margin_s: float
    sweep: Float[Array, " award"]
    swept: Trajectories
    swept_stable: Bool[Array, " event"]
    sizes_mw: Float[Array, " size"]
    sized: Trajectories
    sized_stable: Bool[Array, " size"]
    needs: Needs

    @property
    def fleet_mw_per_hz(self) -> float:
        """Droop of the fleet from nominal to the deviation of its full award."""
        at = self.fleet.orders.mean(axis=0)[0]
        return float(self.fleet.award_mw * at / self.fleet.span_hz)

    def nadir_by_inertia_hz(self, inertias: int) -> Float[Array, "award inertia"]:
        """Nadirs of the sweep; NaN where the loop hunts or plants disconnect."""
        known = self.swept_stable & np.isnan(self.swept.disconnected_s)
        nadir = np.where(known, self.swept.nadir_hz, np.nan)
        return nadir.reshape(len(self.sweep), inertias)


@dataclass(frozen=True)
class RecordResults:
    """A record that is played against the fleet.

    Attributes:
        sessions: All of them.
        playback: What the vehicles did.
        readings: Of the whole record.
        dead: Readings on a dead bus.
        dead_utc: When the bus is dead for the first time; None where it never is.
        gaps: Readings that did not come, while the record was played.
    """

    sessions: Sessions
    playback: Playback
    readings: int
    dead: int
    dead_utc: np.datetime64 | None
    gaps: int


FrequencyResults = EventResults | RecordResults
