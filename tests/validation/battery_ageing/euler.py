"""The way of BLAST-Lite to move on in time, with which our rates are held against its numbers.

It differs from ours in two ways: fade moves by the slope at its old value (Euler's method), and the
mean rate weighs the first and the last interval half. Neither is ours.
"""

import numpy as np

from evergrid.battery.ageing.profile import Profile


def c_rate(window: Profile, capacity: np.ndarray) -> np.ndarray:
    """Mean of the rates of the intervals by the trapezoidal rule over their ends."""
    rate = np.abs(np.diff(window.soc, axis=1)) / window.step_h
    rate = np.where(rate < 1e-2, 0.0, rate)
    inside = rate.sum(axis=1) - (rate[:, 0] + rate[:, -1]) / 2
    return inside * window.step_h / window.hours * capacity


def stepped(fade: np.ndarray, rate: np.ndarray, amount: np.ndarray, power: float) -> np.ndarray:
    """Fade after Euler's step; a new battery's first step is by the law itself."""
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = rate * power * (fade / rate) ** ((power - 1) / power)
        more = np.where(fade > 0, slope * amount, rate * amount**power)
    return fade + np.where(amount > 0, more, 0.0)
