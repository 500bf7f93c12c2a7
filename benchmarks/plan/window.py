"""A program seen through a window of its steps, and the next window once a plan was followed."""

from dataclasses import dataclass, replace

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.engine.program import Program, energy_path, net_power

ROUNDING_KWH = 1e-5  # less is owed per step that has passed, so that rounding leaves a schedule
OF_UNITS = ("charge_kw", "discharge_kw", "efficiency_charge", "efficiency_discharge")
OF_UNITS += ("energy_high", "group")
OF_SLOTS = ("share", "draw_price", "feed_price")
OF_GROUPS = ("net_low", "net_high", "load", "surcharge")


@dataclass(frozen=True)
class Window:
    """Some steps of a program for some of its units, as a program of its own.

    Attributes:
        program: What is seen.
        unit: Row of each of its units in the whole.
        begin: Its first step in the whole.
    """

    program: Program
    unit: Int[Array, " unit"]
    begin: int

    def rows_of(self, other: "Window") -> Int[Array, " unit"]:
        """Row here of each unit of another window; -1 for one that is not here."""
        row = np.full(max(self.unit.max(), other.unit.max()) + 1, -1)
        row[self.unit] = np.arange(len(self.unit))
        return row[other.unit]


def first(whole: Program, steps: int, *, known: Bool[Array, " unit"]) -> Window:
    """The first steps of a program, with the units that are known by then."""
    unit = np.flatnonzero(known & (whole.first < steps))
    return Window(_cut(whole, 0, steps, unit, whole.energy_start), unit, 0)


def later(
    whole: Program, last: Window, power_kw: Float[Array, " slot"], begin: int, end: int
) -> Window:
    """A later window with everyone who is there by then, after these powers were kept to.

    Energies are what the powers left, peaks are at least what was drawn, and sessions that have
    ended are dropped.
    """
    p, passed = last.program, begin - last.begin
    unit = np.flatnonzero((whole.stop > begin) & (whole.first < end))
    energy = whole.energy_start.copy()
    begun = p.first < passed
    latest = p.begin + np.minimum(passed, p.stop) - 1 - p.first
    energy[last.unit[begun]] = energy_path(p, power_kw)[latest[begun]]
    drawn = (p.load - net_power(p, power_kw))[:, :passed].max(axis=1)
    program = _cut(whole, begin, end, unit, energy)
    peak_before = np.maximum(p.peak_before, drawn)
    return Window(replace(program, peak_before=peak_before), unit, begin)


def _cut(
    whole: Program,
    begin: int,
    end: int,
    unit: Int[Array, " unit"],
    energy: Float[Array, " unit"],
) -> Program:
    """These steps for these units, which hold so much energy when the steps begin.

    A unit that outlasts the steps owes what charging in the steps after them cannot bring, and
    what it holds at their end is worth what such energy is worth in the whole. The constant of
    the whole is kept.
    """
    known = np.zeros(whole.units, bool)
    known[unit] = True
    slot = known[whole.unit] & (whole.step >= begin) & (whole.step < end)
    after = np.where(whole.step >= end, whole.charge_limit * whole.gain, 0.0)
    owed = whole.energy_end - np.bincount(whole.unit, after, whole.units) - ROUNDING_KWH * begin
    outlasts = whole.stop[unit] > end
    return replace(
        whole,
        steps=end - begin,
        first=np.maximum(whole.first[unit] - begin, 0),
        stop=np.minimum(whole.stop[unit], end) - begin,
        energy_start=energy[unit],
        energy_low=np.minimum(whole.energy_low, energy)[unit],
        energy_end=np.maximum(owed, 0.0)[unit],
        end_value=np.where(outlasts, whole.end_value.max(), whole.end_value[unit]),
        **{name: getattr(whole, name)[unit] for name in OF_UNITS},
        **{name: getattr(whole, name)[slot] for name in OF_SLOTS},
        **{name: getattr(whole, name)[:, begin:end] for name in OF_GROUPS},
    )
