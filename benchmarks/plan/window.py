"""A program seen through a window of its steps, and the next window once a plan was followed."""

from dataclasses import dataclass, replace

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.engine.program import Program, energy_path, net_power

ROUNDING_KWH = 1e-5  # less is owed per step that has passed, so that rounding leaves a schedule
OF_STORES = ("charge_kw", "discharge_kw", "efficiency_charge", "efficiency_discharge")
OF_STORES += ("energy_high_kwh", "node")
OF_SLOTS = ("share", "draw_price_per_kwh", "feed_price_per_kwh")
OF_NODES = ("net_low_kw", "net_high_kw", "load_kw", "surcharge_per_kwh")


@dataclass(frozen=True)
class Window:
    """Some steps of a program for some of its stores, as a program of its own.

    Attributes:
        program: What is seen.
        store: Row of each of its stores in the whole.
        begin: Its first step in the whole.
    """

    program: Program
    store: Int[Array, " store"]
    begin: int

    def rows_of(self, other: "Window") -> Int[Array, " store"]:
        """Row here of each store of another window; -1 for one that is not here."""
        row = np.full(max(self.store.max(), other.store.max()) + 1, -1)
        row[self.store] = np.arange(len(self.store))
        return row[other.store]


def first(whole: Program, steps: int, *, known: Bool[Array, " store"]) -> Window:
    """The first steps of a program, with the stores that are known by then."""
    store = np.flatnonzero(known & (whole.first < steps))
    return Window(_cut(whole, 0, steps, store, whole.energy_start_kwh), store, 0)


def later(
    whole: Program, last: Window, power_kw: Float[Array, " slot"], begin: int, end: int
) -> Window:
    """A later window with everyone who is there by then, after these powers were kept to.

    Energies are what the powers left, peaks are at least what was drawn, and sessions that have
    ended are dropped.
    """
    p, passed = last.program, begin - last.begin
    store = np.flatnonzero((whole.stop > begin) & (whole.first < end))
    energy = whole.energy_start_kwh.copy()
    begun = p.first < passed
    latest = p.begin + np.minimum(passed, p.stop) - 1 - p.first
    energy[last.store[begun]] = energy_path(p, power_kw)[latest[begun]]
    drawn = (p.load_kw - net_power(p, power_kw))[:, :passed].max(axis=1)
    program = _cut(whole, begin, end, store, energy)
    peak_before_kw = np.maximum(p.peak_before_kw, drawn)
    return Window(replace(program, peak_before_kw=peak_before_kw), store, begin)


def _cut(
    whole: Program,
    begin: int,
    end: int,
    store: Int[Array, " store"],
    energy: Float[Array, " store"],
) -> Program:
    """These steps for these stores, which hold so much energy when the steps begin.

    A store that outlasts the steps owes what charging in the steps after them cannot bring, and
    what it holds at their end is worth what such energy is worth in the whole. The constant of
    the whole is kept.
    """
    known = np.zeros(whole.stores, bool)
    known[store] = True
    slot = known[whole.store] & (whole.step >= begin) & (whole.step < end)
    after = np.where(whole.step >= end, whole.charge_limit_kw * whole.gain, 0.0)
    owed = (
        whole.energy_end_kwh - np.bincount(whole.store, after, whole.stores) - ROUNDING_KWH * begin
    )
    outlasts = whole.stop[store] > end
    return replace(
        whole,
        steps=end - begin,
        first=np.maximum(whole.first[store] - begin, 0),
        stop=np.minimum(whole.stop[store], end) - begin,
        energy_start_kwh=energy[store],
        energy_low_kwh=np.minimum(whole.energy_low_kwh, energy)[store],
        energy_end_kwh=np.maximum(owed, 0.0)[store],
        end_value_per_kwh=np.where(
            outlasts, whole.end_value_per_kwh.max(), whole.end_value_per_kwh[store]
        ),
        **{name: getattr(whole, name)[store] for name in OF_STORES},
        **{name: getattr(whole, name)[slot] for name in OF_SLOTS},
        **{name: getattr(whole, name)[:, begin:end] for name in OF_NODES},
    )
