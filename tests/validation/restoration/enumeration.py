"""Every way to switch a few blocks, cheapest first, until one keeps all limits."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog


@dataclass(frozen=True)
class Problem:
    """A small site: powers in kW, energies in kWh at the plug, arrivals and departures in steps."""

    power: np.ndarray
    weight: np.ndarray
    parent: list[int]
    cold: np.ndarray  # factor less 1
    decay_h: float
    energy: np.ndarray
    rating: np.ndarray
    arrival: np.ndarray
    departure: np.ndarray
    steps: int
    step_h: float
    share: float
    closings: int
    reserve: bool
    opening_h: float

    def load(self, on: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and first load of each step."""
        mean, first = np.zeros(self.steps), np.zeros(self.steps)
        for k, row in enumerate(on):
            for t in np.flatnonzero(row):
                begun = t
                while begun > 0 and row[begun - 1]:
                    begun -= 1
                age = (t - begun) * self.step_h
                excess = self.cold[k] * np.exp(-age / self.decay_h)
                part = self.decay_h / self.step_h * (1 - np.exp(-self.step_h / self.decay_h))
                first[t] += self.power[k] * (1 + excess)
                mean[t] += self.power[k] * (1 + excess * part)
        return mean, first

    def cost(self, on: np.ndarray) -> float:
        dark = (~on).sum(axis=1) * self.step_h
        openings = (on[:, :-1] & ~on[:, 1:]).sum(axis=1)
        return float(self.weight * self.power @ (dark + self.opening_h * openings))

    def keeps_limits(self, on: np.ndarray) -> bool:
        closes = on.copy()
        closes[:, 1:] &= ~on[:, :-1]
        if any(p >= 0 and (on[k] & ~on[p]).any() for k, p in enumerate(self.parent)):
            return False
        mean, first = self.load(on)
        for t in range(self.steps):
            there = (self.arrival <= t) & (self.departure > t)
            capacity = self.rating[there].sum()
            largest = self.rating[there].max(initial=0.0) if self.reserve else 0.0
            picked = (self.power * (1 + self.cold))[closes[:, t]].sum()
            if closes[:, t].sum() > self.closings or picked > self.share * capacity + 1e-9:
                return False
            if first[t] > capacity - largest + 1e-9:
                return False
        return self.vehicles_feed(mean)

    def vehicles_feed(self, mean: np.ndarray) -> bool:
        count = len(self.energy)
        limits = [
            (0.0, self.rating[b] if self.arrival[b] <= t < self.departure[b] else 0.0)
            for b in range(count)
            for t in range(self.steps)
        ]
        balance = np.tile(np.eye(self.steps), count)
        energy = np.kron(np.eye(count), np.full(self.steps, self.step_h))
        found = linprog(
            np.zeros(count * self.steps),
            A_ub=energy,
            b_ub=self.energy,
            A_eq=balance,
            b_eq=mean,
            bounds=limits,
        )
        return found.status == 0


def least_cost(problem: Problem, *, trips: bool) -> float:
    """Cost of the best of all ways."""
    shape = (len(problem.power), problem.steps)
    ways = list(_any(shape) if trips else _monotone(shape))
    costs = np.array([problem.cost(on) for on in ways])
    for place in np.argsort(costs, kind="stable"):
        if problem.keeps_limits(ways[place]):
            return float(costs[place])
    raise AssertionError("to leave all open is always possible")


def _monotone(shape: tuple[int, int]) -> Iterator[np.ndarray]:
    for first in itertools.product(range(shape[1] + 1), repeat=shape[0]):
        yield np.arange(shape[1]) >= np.array(first)[:, None]


def _any(shape: tuple[int, int]) -> Iterator[np.ndarray]:
    for bits in range(2 ** (shape[0] * shape[1])):
        flags = (bits >> np.arange(shape[0] * shape[1])) & 1
        yield flags.reshape(shape).astype(bool)
