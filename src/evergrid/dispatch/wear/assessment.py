"""What a schedule does to batteries by the whole ageing model, beside what it was priced at."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evergrid.battery.ageing.model import Fade
from evergrid.battery.ageing.profile import Profile
from evergrid.core.arrays import Array, Float
from evergrid.dispatch.accounts import Costs
from evergrid.dispatch.wear.battery_value import BatteryValue, Fleet
from evergrid.dispatch.wear.prices import added
from evergrid.dispatch.wear.state_path import soc_paths, window_h
from evergrid.model.portfolio import Portfolio
from evergrid.model.schedule import Schedule


@dataclass(frozen=True)
class WearAssessment:
    """A schedule, run through the ageing model.

    Attributes:
        value: The model, and what capacity is worth.
        fleet: The batteries before.
        added: What the horizon adds to their fade.
        full_cycles: Energy out of each battery, over its capacity when new.
        fed_kwh: Energy that each feeds, at the plug.
        costs: What the schedule costs by the prices that it was made or settled with.
        beyond: How many batteries leave the experiments of the model, by what they leave them with.
    """

    value: BatteryValue
    fleet: Fleet
    added: Fade
    full_cycles: Float[Array, " asset"]
    fed_kwh: Float[Array, " asset"]
    costs: Costs
    beyond: dict[str, int]

    @cached_property
    def cost_by_model(self) -> Float[Array, " asset"]:
        """What each battery loses, in money."""
        lost = self.added.calendar + self.added.cycle
        return self.value.cost_per_kwh_lost * self.fleet.new_kwh * lost

    @property
    def net_by_model(self) -> float:
        """Net cost with wear by the model in the place of wear by prices."""
        others = self.costs.of_kind("cash") + self.costs.of_kind("energy_left")
        return others + float(self.cost_by_model.sum())


def assess(
    portfolio: Portfolio,
    value: BatteryValue,
    fleet: Fleet,
    planned: Schedule,
    paid: Costs,
) -> WearAssessment:
    """Run a schedule through the ageing model.

    Args:
        portfolio: Who was where.
        value: How batteries age.
        fleet: How far they have.
        planned: What they do.
        paid: What that costs by prices.
    """
    grid = portfolio.grid
    path = soc_paths(portfolio, fleet, planned)
    profile, window = value.profile(grid.step_h, path), window_h(grid)
    fed = grid.step_h * np.maximum(planned.power_kw, 0.0).sum(axis=1)
    return WearAssessment(
        value=value,
        fleet=fleet,
        added=added(value, fleet.fade, profile, window),
        full_cycles=np.maximum(-np.diff(path, axis=1), 0.0).sum(axis=1) * fleet.fade.capacity,
        fed_kwh=np.bincount(fleet.asset, fed, len(fleet.asset_id)),
        costs=paid,
        beyond=_beyond(value, profile, window),
    )


def _beyond(value: BatteryValue, profile: Profile, window: float) -> dict[str, int]:
    """How many batteries leave the tested range in any window, by what they leave it with."""
    found: dict[str, np.ndarray] = {}
    for part in profile.windows(window):
        for name, left in value.model.tested.beyond(part).items():
            found[name] = found.get(name, np.zeros(len(left), bool)) | left
    return {name: int(left.sum()) for name, left in found.items()}
