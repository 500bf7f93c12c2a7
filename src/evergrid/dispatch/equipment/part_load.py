"""What chargers lose by their power, beside the constant efficiencies that a plan is made with."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from evergrid.battery.converter import Converter
from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.timegrid import datetime64
from evergrid.model.portfolio import Portfolio
from evergrid.model.schedule import Schedule, slots

AGREED = 0.01  # of the losses, within which a plan and the model agree
LEAST_KWH = 1e-6  # of a session, below which it says nothing of efficiency


@dataclass(frozen=True)
class ChargerLosses:
    """Losses of every charger, relative to its rating, and of the cells behind it.

    Attributes:
        converter: Of a rating of 1 kVA, so that its powers are shares of a rating.
        standby_kw: What a charger draws while a vehicle is plugged in and nothing flows.
        cell_efficiency: Of the cells, one way.

    Raises:
        InputError: A number out of range.
    """

    converter: Converter
    standby_kw: float
    cell_efficiency: float

    def __post_init__(self) -> None:
        faults = []
        if not 0 <= self.standby_kw < np.inf:
            faults.append(Fault("standby_kw", "be at least 0 and finite", (self.standby_kw,)))
        if not 0 < self.cell_efficiency <= 1:
            fix = "Give a fraction, not a percentage."
            got = (self.cell_efficiency,)
            faults.append(Fault("cell_efficiency", "be in (0, 1]", got, fix=fix))
        raise_if_any("converter", faults)

    def into_cells(self, share: Float[Array, "*slot"]) -> Float[Array, "*slot"]:
        """Power into cells over the rating, for a power drawn over the rating; at least 0."""
        arrived = -self.converter.battery_kw(-share, np.zeros_like(share)) * self.cell_efficiency
        return np.where(share > 0, np.maximum(arrived, 0.0), 0.0)

    def out_of_cells(self, share: Float[Array, "*slot"]) -> Float[Array, "*slot"]:
        """Power out of cells over the rating, for a power fed over the rating."""
        sent = self.converter.battery_kw(share, np.zeros_like(share)) / self.cell_efficiency
        return np.where(share > 0, sent, 0.0)

    @property
    def round_trip_at_rating(self) -> float:
        """Share of the energy drawn at the rating that can be fed at the same power."""
        return self.converter.round_trip(1.0) * self.cell_efficiency**2


@dataclass(frozen=True)
class LossAssessment:
    """Losses of a schedule by its efficiencies and by the model.

    Attributes:
        portfolio: Who was where, with the efficiencies of the plan.
        schedule: What was done.
        losses: The model.
    """

    portfolio: Portfolio
    schedule: Schedule
    losses: ChargerLosses

    @cached_property
    def _flows(self) -> Mapping[str, Float[Array, " session"]]:
        """Energy drawn, into cells, fed and out of cells by the model."""
        sessions, step_h = self.portfolio.sessions, self.portfolio.grid.step_h
        rating = np.maximum(sessions.max_charge_kw, sessions.max_discharge_kw)
        rated = np.where(rating > 0, rating, 1.0)[:, None]
        power = self.schedule.power_kw
        drawn, fed = np.maximum(-power, 0.0), np.maximum(power, 0.0)
        into = self.losses.into_cells(drawn / rated) * rated
        out = self.losses.out_of_cells(fed / rated) * rated
        flows = {"drawn": drawn, "into": into, "fed": fed, "out": out}
        return {name: step_h * flow.sum(axis=1) for name, flow in flows.items()}

    @property
    def by_plan_kwh(self) -> float:
        """Losses by the efficiencies of the sessions."""
        sessions, flows = self.portfolio.sessions, self._flows
        charging = flows["drawn"] * (1.0 - sessions.efficiency_charge)
        feeding = flows["fed"] * (1.0 / sessions.efficiency_discharge - 1.0)
        return float((charging + feeding).sum())

    @property
    def by_model_kwh(self) -> float:
        """Losses by the model while power flows."""
        flows = self._flows
        return float((flows["drawn"] - flows["into"] + flows["out"] - flows["fed"]).sum())

    @property
    def agrees(self) -> bool:
        """Whether both are the same but for `AGREED`."""
        return abs(self.by_plan_kwh - self.by_model_kwh) <= AGREED * self.by_model_kwh

    @cached_property
    def standby_kwh(self) -> float:
        """What chargers draw while vehicles are plugged in and nothing flows."""
        at = slots(self.portfolio.sessions, self.portfolio.grid)
        idle = self.schedule.power_kw[at.session, at.step] == 0
        return self.losses.standby_kw * self.portfolio.grid.step_h * float(at.share[idle].sum())

    @cached_property
    def missing_kwh(self) -> Float[Array, " session"]:
        """Energy owed at departure that is not there by the model, and is by the plan; at least 0.

        Of sessions that end within the horizon.
        """
        sessions, flows = self.portfolio.sessions, self._flows
        held = sessions.energy_arrival_kwh + flows["into"] - flows["out"]
        planned = self.schedule.energy_kwh[:, -1]
        ended = sessions.departure_utc <= datetime64(self.portfolio.grid.end_utc)
        owed = np.minimum(sessions.energy_departure_kwh, planned)
        return np.where(ended, np.maximum(owed - held, 0.0), 0.0)

    def efficiencies(self) -> tuple[Float[Array, " session"], Float[Array, " session"]]:
        """Efficiencies of the sessions at what they do: those of the plan where they do nothing."""
        sessions, flows = self.portfolio.sessions, self._flows
        made = []
        for part, whole, usual in (
            (flows["into"], flows["drawn"], sessions.efficiency_charge),
            (flows["fed"], flows["out"], sessions.efficiency_discharge),
        ):
            tells = (whole > LEAST_KWH) & (part > LEAST_KWH)
            made.append(np.divide(part, whole, out=usual.copy(), where=tells))
        return made[0], made[1]


def with_efficiencies(found: LossAssessment) -> Portfolio:
    """The portfolio whose sessions are as efficient as the model has them in a schedule."""
    charge, discharge = found.efficiencies()
    sessions = replace(
        found.portfolio.sessions, efficiency_charge=charge, efficiency_discharge=discharge
    )
    return replace(found.portfolio, sessions=sessions)


def expected(portfolio: Portfolio, losses: ChargerLosses) -> Portfolio:
    """The portfolio whose sessions are as efficient as at their rated powers."""
    sessions = portfolio.sessions
    rating = np.maximum(sessions.max_charge_kw, sessions.max_discharge_kw)
    rated = np.where(rating > 0, rating, 1.0)
    draw, feed = sessions.max_charge_kw / rated, sessions.max_discharge_kw / rated
    into, out = losses.into_cells(draw), losses.out_of_cells(feed)
    charge, discharge = sessions.efficiency_charge.copy(), sessions.efficiency_discharge.copy()
    np.divide(into, draw, out=charge, where=into > 0)
    np.divide(feed, out, out=discharge, where=out > 0)
    changed = replace(sessions, efficiency_charge=charge, efficiency_discharge=discharge)
    return replace(portfolio, sessions=changed)
