"""How shares close to all are written and drawn: 90, 99 and 99.9 % equally far apart."""

from typing import Any

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.report import panels

SUREST = 0.9999  # what lies closer to certainty is drawn here
TICKS = (0.9, 0.99, 0.999, 0.9999, 0.5, 0.95, 0.8, 0.98, 0.995, 0.7, 0.2)  # first come first
TICK_ROOM = 0.15  # of an axis, for one label on a small screen


def percent(share: float) -> str:
    """A share in percent, with more decimals the closer it comes to all."""
    if np.isnan(share):
        return "unknown"
    return f"{round(100 * float(share), 1 if share < 0.99 else 2 if share < 0.999 else 3):g} %"


def opened(share: Float[Array, "*level"]) -> Any:
    """Place on a scale where 90, 99 and 99.9 % lie equally far apart."""
    return -np.log10(1 - np.clip(share, 0.0, SUREST))


def opened_axis(title: str, shares: Float[Array, " share"]) -> dict[str, Any]:
    """An axis of that scale over the given shares, with as many labels as fit."""
    places = opened(shares)
    low, high = float(places.min()), float(places.max())
    air = panels.AIR * (high - low) or 0.2
    low, high = low - air, high + air
    ticks: list[float] = []
    for tick in (*TICKS, float(shares.min())):
        place = float(opened(np.array(tick)))
        near = any(abs(place - opened(np.array(t))) < TICK_ROOM * (high - low) for t in ticks)
        if low <= place <= high and not near:
            ticks.append(tick)
    return {
        "title": {"text": title},
        "range": [low, high],
        "tickmode": "array",
        "tickvals": opened(np.array(sorted(ticks))),
        "ticktext": [percent(tick) for tick in sorted(ticks)],
        "ticks": "outside",
        "showgrid": True,
        "zeroline": False,
    }
