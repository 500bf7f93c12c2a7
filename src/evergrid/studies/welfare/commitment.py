"""Whether units that run or stand change what V2G saves, beside the merit order, for some days.

All else in the study is counted by merit order, which knows no starts, ramps or least outputs. Here
the same days, with the same load and the same feeding, are scheduled with them: once with units
that may run in part, which is a linear program, and once with whole ones.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.status import Status
from evergrid.core.timegrid import TimeGrid, utc
from evergrid.core.units import KG_PER_TONNE
from evergrid.dispatch.generation.marginal import load_change
from evergrid.dispatch.generation.problem import GenerationProblem
from evergrid.dispatch.generation.schedule import UnitSchedule
from evergrid.impact.welfare.pollutants import POLLUTANTS
from evergrid.impact.welfare.power_system.system import SystemRun
from evergrid.model.generators import CO2
from evergrid.model.time_series.system_load import SystemLoad
from evergrid.studies.welfare import generator_fleets
from evergrid.studies.welfare.cases import PolicyCase
from evergrid.studies.welfare.config import CommitmentDays, Config
from evergrid.studies.welfare.market import PowerSystemInputs

MERIT_ORDER, RELAXED, WHOLE = "merit_order", "relaxed", "whole"


@dataclass(frozen=True)
class CommitmentRun:
    """The days by one kind of commitment, without V2G or with it.

    Attributes:
        commitment: Its name.
        v2g: Whether vehicles feed.
        status: How it ended.
        cost: Fuel, operation, starts and lost load; the price of carbon is a payment and left out.
        absolute_gap: Money by which the cost may exceed the least.
        gap: The same as a share of the cost.
        co2_t: Emitted.
        starts: Of units; None by merit order, which knows none.
        curtailed_mwh: Wind and sun that nobody takes.
        lost_load_mwh: At the grid.
    """

    commitment: str
    v2g: bool
    status: Status
    cost: float
    absolute_gap: float
    gap: float
    co2_t: float
    starts: float | None
    curtailed_mwh: float
    lost_load_mwh: float


@dataclass(frozen=True)
class CommitmentComparison:
    """What V2G saves in the days, by each kind of commitment.

    Attributes:
        first_day: Of the days.
        days: How many.
        runs: Each kind, without V2G and with it.
    """

    first_day: str
    days: int
    runs: tuple[CommitmentRun, ...]

    @cached_property
    def pairs(self) -> dict[str, tuple[CommitmentRun, CommitmentRun]]:
        """Without V2G and with it, by commitment."""
        return {
            one.commitment: (one, other)
            for one, other in zip(self.runs[::2], self.runs[1::2], strict=True)
        }

    @property
    def status(self) -> Status:
        """Optimal where every schedule is within its gap."""
        bad = [one.status for one in self.runs if one.status is not Status.OPTIMAL]
        return bad[0] if bad else Status.OPTIMAL

    @property
    def saving(self) -> dict[str, float]:
        """What the system saves by V2G."""
        return {name: before.cost - after.cost for name, (before, after) in self.pairs.items()}

    @property
    def co2_t(self) -> dict[str, float]:
        """More carbon dioxide with V2G."""
        return {name: after.co2_t - before.co2_t for name, (before, after) in self.pairs.items()}

    @property
    def saving_uncertainty(self) -> float:
        """By how much the saving of whole units may be wrong: the gaps of both schedules."""
        return sum(max(one.absolute_gap, 0.0) for one in self.pairs[WHOLE])

    @property
    def relaxation_share(self) -> float:
        """Share of the cost of whole units, without V2G, that the relaxation leaves out."""
        return 1.0 - self.pairs[RELAXED][0].cost / self.pairs[WHOLE][0].cost

    @property
    def merit_order_share(self) -> float:
        """Share of the cost of whole units, without V2G, that the merit order leaves out."""
        return 1.0 - self.pairs[MERIT_ORDER][0].cost / self.pairs[WHOLE][0].cost


def compared(
    config: Config, inputs: PowerSystemInputs, case: PolicyCase, folder: Path
) -> CommitmentComparison | None:
    """The days of `config.commitment` by each kind of commitment; None where none are asked for.

    Raises:
        InfeasibleError: Load that no units can serve, ramps and least outputs counted.
        SolveError: No schedule was found in time.
    """
    asked = config.commitment
    if asked is None:
        return None
    hours = inputs.consumption_mwh.shape[1]
    first = int(np.flatnonzero(inputs.day == asked.first_day)[0]) * hours
    window = slice(first, first + asked.days * hours)
    runs = [
        _by_merit_order(config, run, window, v2g)
        for v2g, run in ((False, case.without), (True, case.with_it))
    ]
    fleet = generator_fleets.generators(config, folder)
    load = _load(config, inputs, asked, case.without, window)
    change = _load_mw(config, case.with_it)[window] - load.load_mw
    for commitment in (RELAXED, WHOLE):
        problem = GenerationProblem(
            fleet,
            load,
            voll_per_mwh=inputs.supply.voll_per_mwh,
            commitment=commitment,
            carbon_price_per_tonne=config.carbon.price_per_t,
        )
        found = load_change(problem, change, gap=asked.gap, time_limit_s=asked.time_limit_s)
        runs += [
            _of_schedule(config, commitment, made, v2g)
            for v2g, made in ((False, found.before), (True, found.after))
        ]
    return CommitmentComparison(asked.first_day, asked.days, tuple(runs))


def _load_mw(config: Config, run: SystemRun) -> Float[Array, " step"]:
    """Asked for at the grid, with what vehicles and storage take and feed, hour by hour."""
    metered = run.consumption_mwh + run.driving_mwh + run.charge_mwh - run.discharge_mwh
    return metered / (1.0 - config.network.loss_share) - run.storage_mwh


def _load(
    config: Config,
    inputs: PowerSystemInputs,
    asked: CommitmentDays,
    run: SystemRun,
    window: slice,
) -> SystemLoad:
    """Load of the days, and wind and sun that may be curtailed."""
    load_mw = _load_mw(config, run)[window]
    grid = TimeGrid(utc(f"{asked.first_day}T00:00Z"), 1.0, len(load_mw))
    offered_mw = inputs.renewable_mwh.reshape(1, -1)[:, window]
    return SystemLoad(grid, load_mw, np.array(["wind and sun"], object), offered_mw)


def _by_merit_order(config: Config, run: SystemRun, window: slice, v2g: bool) -> CommitmentRun:
    """The days as the rest of the study counts them."""
    lost = run.unserved_mwh[window]
    cost = run.generation_cost[window].sum() + config.network.voll_per_mwh * lost.sum()
    return CommitmentRun(
        commitment=MERIT_ORDER,
        v2g=v2g,
        status=Status.OPTIMAL,
        cost=float(cost),
        absolute_gap=0.0,
        gap=0.0,
        co2_t=float(run.emissions_t[POLLUTANTS.index(CO2), window].sum()),
        starts=None,
        curtailed_mwh=float(run.curtailed_mwh[window].sum()),
        lost_load_mwh=float(lost.sum()) / (1.0 - config.network.loss_share),
    )


def _of_schedule(config: Config, commitment: str, made: UnitSchedule, v2g: bool) -> CommitmentRun:
    """A schedule of units, its cost without the price of carbon."""
    co2_t = float(made.emissions_of(CO2).sum()) / KG_PER_TONNE
    return CommitmentRun(
        commitment=commitment,
        v2g=v2g,
        status=made.status,
        cost=made.cost - config.carbon.price_per_t * co2_t,
        absolute_gap=made.cost - made.bound,
        gap=made.gap,
        co2_t=co2_t,
        starts=float(made.starts.sum()),
        curtailed_mwh=float(made.curtailed_mw.sum() * made.step_h),
        lost_load_mwh=float(made.lost_load_mw.sum() * made.step_h),
    )
