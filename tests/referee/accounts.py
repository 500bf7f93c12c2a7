"""What a schedule does and costs on a book, by the rules of a plan, item by item."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tests.referee.book import Book, Unit


@dataclass(frozen=True)
class Schedule:
    """What every unit does in every step, and what is curtailed.

    Attributes:
        book: What was planned.
        power_kw: ``[unit, step]``, positive into the grid.
        curtailed_kw: ``[site, step]``, of the generation of each site itself.
    """

    book: Book
    power_kw: np.ndarray
    curtailed_kw: np.ndarray

    @cached_property
    def energy_kwh(self) -> np.ndarray:
        """Energy in the cells at the end of each step."""
        book = self.book
        made = np.zeros_like(self.power_kw)
        for row, unit in enumerate(book.units):
            power = self.power_kw[row]
            drawn = unit.efficiency_charge * np.maximum(-power, 0.0)
            fed = np.maximum(power, 0.0) / unit.efficiency_discharge
            made[row] = unit.start_kwh + book.step_h * np.cumsum(drawn - fed)
        return made

    @cached_property
    def shortfall_kwh(self) -> np.ndarray:
        """Energy owed to each unit that it does not hold at its end."""
        owed = np.array([unit.owed_kwh for unit in self.book.units])
        return np.maximum(owed - self.energy_kwh[:, -1], 0.0) if len(owed) else owed

    @cached_property
    def drawn_kw(self) -> np.ndarray:
        """What each site with all below it draws from above: ``[site, step]``."""
        book = self.book
        own = np.zeros_like(book.base_kw)
        for unit, power in zip(book.units, self.power_kw, strict=True):
            own[unit.site] -= power
        return book.base_kw + book.summed(own + self.curtailed_kw)

    @cached_property
    def import_excess_kw(self) -> np.ndarray:
        """Power drawn beyond each import limit."""
        return np.maximum(self.drawn_kw - self.book.import_limit_kw, 0.0)

    @cached_property
    def export_excess_kw(self) -> np.ndarray:
        """Power fed beyond each export limit."""
        return np.maximum(-self.drawn_kw - self.book.export_limit_kw, 0.0)

    @cached_property
    def budget_excess_kwh(self) -> np.ndarray:
        """Energy drawn beyond each budget."""
        drawn = self.book.step_h * self.drawn_kw.sum(axis=1)
        return np.maximum(drawn - self.book.budget_kwh, 0.0)

    @property
    def excess_kwh(self) -> float:
        """Everything beyond limits and budgets, in one sum."""
        beyond = self.import_excess_kw.sum() + self.export_excess_kw.sum()
        return float(self.book.step_h * beyond + self.budget_excess_kwh.sum())

    def power_error_kw(self) -> float:
        """Largest power beyond what a charger and the time plugged in allow."""
        worst = 0.0
        for unit, power in zip(self.book.units, self.power_kw, strict=True):
            drawn = (-power - unit.charge_kw * unit.share).max()
            worst = max(worst, drawn, (power - unit.discharge_kw * unit.share).max())
        return float(worst)

    def curtailment_error_kw(self) -> float:
        """Largest power curtailed below zero or beyond what may be."""
        beyond = np.maximum(self.curtailed_kw - self.book.may_curtail_kw, -self.curtailed_kw)
        return float(beyond.max(initial=0.0))

    def energy_error_kwh(self) -> float:
        """Largest energy below what was there, below a reserve after feeding, or above capacity."""
        worst = 0.0
        for unit, energy, power in zip(
            self.book.units, self.energy_kwh, self.power_kw, strict=True
        ):
            most = max(unit.capacity_kwh, unit.start_kwh)
            least = min(unit.reserve_kwh, unit.start_kwh)
            worst = max(worst, (energy - most).max(), (least - energy).max())
            worst = max(worst, self._below_reserve_kwh(unit, energy, power))
        return float(worst)

    def _below_reserve_kwh(self, unit: Unit, energy: np.ndarray, power: np.ndarray) -> float:
        """Largest energy that was fed in one step from below the reserve."""
        fed = self.book.step_h * np.maximum(power, 0.0) / unit.efficiency_discharge
        return float(np.minimum(fed, unit.reserve_kwh - energy).max())

    def costs(self) -> "Costs":
        """What it costs, item by item."""
        book = self.book
        bills = [self.drawn_kw[site] for site in np.flatnonzero(book.metered)]
        for unit, power in zip(book.units, self.power_kw, strict=True):
            if book.meter(unit.site) < 0:
                bills.append(-power)
        bought = sum((np.maximum(drawn, 0.0) for drawn in bills), start=np.zeros(book.steps))
        fed = sum((np.maximum(-drawn, 0.0) for drawn in bills), start=np.zeros(book.steps))
        paid = fed - np.where(book.sell > 0, self.unpaid_kw(), 0.0)
        energy = book.step_h * float(book.buy @ bought - book.sell @ paid)
        carbon = book.step_h * float(book.carbon @ (bought - paid))
        beside = [site for site in range(len(book.parent)) if book.meter(site) < 0]
        # What is curtailed there is in no bill, but its emissions are not avoided.
        lost = book.step_h * float(book.carbon @ self.curtailed_kw[beside].sum(axis=0))
        return Costs(
            energy - carbon, carbon + lost, self._wear(), self._demand(), -self._worth_left()
        )

    def unpaid_kw(self) -> np.ndarray:
        """What meters feed beyond export limits, in each step: at, above or below the meter.

        What passes a limit passes those above it as well, and counts once; what passes limits side
        by side is added. No more than what the meters feed can go unpaid.
        """
        book = self.book
        meters = np.where(book.metered[:, None], np.maximum(-self.drawn_kw, 0.0), 0.0)
        fed = book.summed(meters)
        below = [site for site in range(len(book.parent)) if book.meter(site) not in (-1, site)]
        fed[below] = np.inf  # behind a meter: what that feeds is the cap
        unpaid = np.zeros_like(fed)
        for site in sorted(range(len(book.parent)), key=lambda site: -len(book.chain(site))):
            from_below = sum(unpaid[i] for i, above in enumerate(book.parent) if above == site)
            unpaid[site] = np.minimum(
                np.maximum(self.export_excess_kw[site], from_below), fed[site]
            )
        return unpaid[[above < 0 for above in book.parent]].sum(axis=0)

    def _wear(self) -> float:
        total = 0.0
        for unit, power in zip(self.book.units, self.power_kw, strict=True):
            fed = np.maximum(power, 0.0)
            total += float(unit.wear * fed.sum() + unit.wear_rise * (fed**2).sum())
        return self.book.step_h * total

    def _worth_left(self) -> float:
        kept = [
            energy[-1] - unit.start_kwh
            for unit, energy in zip(self.book.units, self.energy_kwh, strict=True)
            if unit.outlasts
        ]
        return self.book.end_value * float(sum(kept))

    def _demand(self) -> float:
        total = 0.0
        for site in np.flatnonzero(self.book.demand_rate):
            total += self.book.demand_rate[site] * sum(self.peaks_kw(int(site)))
        return float(total)

    def peaks_kw(self, site: int) -> list[float]:
        """Mean of the highest steps of each billing period; what was before counts in the first."""
        book, found = self.book, []
        k = int(book.peaks[site])
        for period in range(int(book.period[site].max()) + 1):
            before = book.peak_before_kw[site] if period == 0 else 0.0
            draws = self.drawn_kw[site][book.period[site] == period]
            found.append(float(np.sort(np.append(draws, [before] * k))[-k:].mean()))
        return found


@dataclass(frozen=True)
class Costs:
    """Net cost by item; below zero what is earned."""

    energy: float
    carbon: float
    wear: float
    demand_charge: float
    energy_left: float

    @property
    def net(self) -> float:
        """All items."""
        return sum(vars(self).values())
