"""What every ageing model is: a state per battery, moved on by what the battery goes through."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from evergrid.battery.ageing import power_law
from evergrid.battery.ageing.power_law import PowerLaw
from evergrid.battery.ageing.profile import Profile, mean_over_time
from evergrid.core.arrays import Array, Bool, Float
from evergrid.core.units import H_PER_DAY

REST_C_RATE = 1e-2  # a rate below which cells rest, 1/h


@dataclass(frozen=True)
class Fade:
    """How far batteries have aged: shares of the new battery's capacity and resistance.

    Attributes:
        calendar: Capacity lost by time.
        cycle: Capacity lost by use.
        resistance_calendar: Resistance gained by time.
        resistance_cycle: Resistance gained by use.
    """

    calendar: Float[Array, " battery"]
    cycle: Float[Array, " battery"]
    resistance_calendar: Float[Array, " battery"]
    resistance_cycle: Float[Array, " battery"]

    @classmethod
    def new(cls, batteries: int) -> "Fade":
        """New batteries."""
        return cls(*(np.zeros(batteries) for _ in range(4)))

    @property
    def capacity(self) -> Float[Array, " battery"]:
        """Capacity that is left: 1 for a new battery, and 0 where laws say that more is lost."""
        return np.maximum(1.0 - self.calendar - self.cycle, 0.0)

    @property
    def resistance(self) -> Float[Array, " battery"]:
        """Resistance over that of a new battery."""
        return 1.0 + self.resistance_calendar + self.resistance_cycle


@dataclass(frozen=True)
class Stress:
    """What a window does to batteries, beside time and temperature.

    Attributes:
        days: Length of the window.
        cycles: Equivalent full cycles, of the capacity when new.
        depth: Highest minus lowest state of charge.
        c_rate: Mean current over capacity when new, rests included, 1/h.
    """

    days: float
    cycles: Float[Array, " battery"]
    depth: Float[Array, " battery"]
    c_rate: Float[Array, " battery"]

    @classmethod
    def of(cls, window: Profile, capacity: Float[Array, " battery"]) -> "Stress":
        """The stress of a window on batteries that have so much of their capacity left.

        A state of charge is a share of the capacity that is left, so throughput shrinks with it.
        """
        move = np.abs(np.diff(window.soc, axis=1))
        moving = np.where(move >= REST_C_RATE * window.step_h, move, 0.0)
        return cls(
            days=window.hours / H_PER_DAY,
            cycles=move.sum(axis=1) / 2.0 * capacity,
            depth=np.ptp(window.soc, axis=1),
            c_rate=moving.sum(axis=1) / window.hours * capacity,
        )


@dataclass(frozen=True)
class TestedRange:
    """Conditions of the experiments that a model was fitted to.

    Attributes:
        temperature_c: Lowest and highest temperature of cycling.
        depth: Smallest and greatest depth of cycles.
        most_c_rate: Highest current over capacity, 1/h.
        soc: Lowest and highest state of charge.
    """

    temperature_c: tuple[float, float]
    depth: tuple[float, float]
    most_c_rate: float
    soc: tuple[float, float] = (0.0, 1.0)

    def beyond(self, window: Profile) -> dict[str, Bool[Array, " battery"]]:
        """Which batteries leave the tested range in a window, by what they leave it with."""
        low, high = self.temperature_c
        depth = np.ptp(window.soc, axis=1)
        rate = np.abs(np.diff(window.soc, axis=1)).max(axis=1) / window.step_h
        cold, hot = window.temperature_c.min(axis=1), window.temperature_c.max(axis=1)
        used = depth > 0
        return {
            "temperature": (cold < low) | (hot > high),
            "depth": used & ((depth < self.depth[0]) | (depth > self.depth[1])),
            "rate": rate > self.most_c_rate,
            "state": (window.soc.min(axis=1) < self.soc[0])
            | (window.soc.max(axis=1) > self.soc[1]),
        }


class AbstractAgeingModel(ABC):
    """A published model of how one kind of cell ages.

    Attributes:
        name: What configurations call it.
        cell: The cell, in words.
        source: Where the model and its constants are published.
        tested: What was measured for it.
        calendar: Law of the capacity lost by time, over days.
        cycle: Law of the capacity lost by use, over equivalent full cycles.
        has_resistance: Whether the model tells the growth of resistance.
    """

    name: str
    cell: str
    source: str
    tested: TestedRange
    calendar: PowerLaw
    cycle: PowerLaw
    has_resistance: bool = True

    @abstractmethod
    def aged(self, fade: Fade, window: Profile) -> Fade:
        """The fade after a window, which is taken as one stress; a day by convention."""


@dataclass(frozen=True)
class Rates:
    """Rates of a model's laws in a window.

    Attributes:
        calendar: Of the capacity lost by time.
        cycle: Of the capacity lost by use.
        resistance_calendar: Of the resistance gained by time; 0 where a model has none.
        resistance_cycle: Of the resistance gained by use; 0 where a model has none.
    """

    calendar: Float[Array, " battery"]
    cycle: Float[Array, " battery"]
    resistance_calendar: Float[Array, " battery"]
    resistance_cycle: Float[Array, " battery"]


class AbstractPowerLawModel(AbstractAgeingModel):
    """A model whose parts of fade each grow as a power of days or of equivalent full cycles.

    Attributes:
        resistance_calendar: Law of the resistance gained by time.
        resistance_cycle: Law of the resistance gained by use.
    """

    resistance_calendar: PowerLaw = PowerLaw(1.0)
    resistance_cycle: PowerLaw = PowerLaw(1.0)

    @abstractmethod
    def rates(self, window: Profile, stress: Stress) -> Rates:
        """Rates of the four laws in a window."""

    def aged(self, fade: Fade, window: Profile) -> Fade:
        """The fade after a window."""
        stress = Stress.of(window, fade.capacity)
        rates, days = self.rates(window, stress), np.full(len(window.soc), stress.days)
        return Fade(
            *(
                power_law.advanced(getattr(fade, part), getattr(rates, part), amount, law)
                for part, amount, law in (
                    ("calendar", days, self.calendar),
                    ("cycle", stress.cycles, self.cycle),
                    ("resistance_calendar", days, self.resistance_calendar),
                    ("resistance_cycle", stress.cycles, self.resistance_cycle),
                )
            )
        )


class AbstractLargeCell(AbstractPowerLawModel):
    """A model of capacity alone, whose rates depend on state, temperature, depth and mean current.

    The rates are plain formulas, so that they may be worked out for whole arrays, put into tables,
    or compiled.
    """

    has_resistance = False

    @staticmethod
    @abstractmethod
    def state_term(soc: Any) -> Any:
        """What of the rate of the loss by time depends on the state of charge."""

    @staticmethod
    @abstractmethod
    def calendar_rate(state_term: Any, kelvin: Any) -> Any:
        """Rate of the loss by time at a `state_term` and a temperature."""

    @staticmethod
    @abstractmethod
    def cycle_rate(kelvin: Any, depth: Any, c_rate: Any) -> Any:
        """Rate of the loss by use at a temperature, for a depth and a mean current."""

    def rates(self, window: Profile, stress: Stress) -> Rates:
        """Rates on average over a window."""
        kelvin, none = window.temperature_k, np.zeros(len(window.soc))
        depth, c_rate = stress.depth[:, None], stress.c_rate[:, None]
        return Rates(
            calendar=mean_over_time(self.calendar_rate(self.state_term(window.soc), kelvin)),
            cycle=mean_over_time(self.cycle_rate(kelvin, depth, c_rate)),
            resistance_calendar=none,
            resistance_cycle=none,
        )
