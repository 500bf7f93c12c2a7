"""Write tracking.csv, and draw tracking-light.svg and -dark.svg: score by delay, loss and steps.

From the root of the repository, with the data folder (EVERGRID_DATA)::

    python -m docs.figures.tracking
"""

import csv
from itertools import pairwise, product
from pathlib import Path

import numpy as np

from benchmarks.track.__main__ import regd
from benchmarks.track.fleets import NOTTON, parked
from benchmarks.track.regd import scores
from docs.figures import canvas
from evergrid.core.arrays import Array, Float
from evergrid.dispatch.track import fleet_state
from evergrid.dispatch.track.charger_types import ChargerType
from evergrid.dispatch.track.fleet_state import Rules
from evergrid.dispatch.track.simulation import Stays, World, share_of_firm, simulate
from evergrid.report import theme
from evergrid.report.theme import SchemeName

HERE = Path(__file__).parent
CARS, HOURS = 200, 6
LATENCIES_S = (0.0, 0.2, 1.0, 2.0, 4.0, 10.0)
LOSSES = (0.0, 0.02, 0.1, 0.3)
STEPS_A = (0, 1, 6)  # 0: steps of one watt
SHOWN_STEP_A = 1
READINGS = ("unshifted", "shifted")
COLORS = (theme.GREEN, theme.BLUE, theme.ORANGE, theme.GREY)
HEAD = ("latency, s", "loss", "step, A", "unshifted", "shifted")
WIDTH, HEIGHT, TOP, LEFT, PANEL_PX, GAP_PX, DEEP_PX = 960.0, 380.0, 96.0, 64.0, 390.0, 70.0, 220.0
KEY_LEFT = 640.0
LEAST, MOST = 0.94, 1.0  # of the scores that are drawn


def main() -> None:
    """Follow the signal once for each point of the grid."""
    signal = regd(16)[: HOURS * 1800]
    rows = [(*point, *_scored(signal, *point)) for point in product(LATENCIES_S, LOSSES, STEPS_A)]
    with (HERE / "tracking.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEAD)
        for latency_s, loss, step_a, *found in rows:
            given = (f"{latency_s:g}", f"{loss:.0%}".replace("%", " %"), f"{step_a}")
            writer.writerow([*given, *(f"{score:.4f}" for score in found)])
    for scheme_name in theme.SCHEMES:
        out = HERE / f"tracking-{scheme_name}.svg"
        out.write_text(_figure(rows, scheme_name), encoding="utf-8")


def _scored(
    signal: Float[Array, " tick"], latency_s: float, loss: float, step_a: int
) -> tuple[float, ...]:
    """Composite scores of a fleet that is parked, both ways of reading precision."""
    step_kw = 0.23 * step_a if step_a else 0.002
    kind = ChargerType(7.36, 7.36, NOTTON, NOTTON, least_kw=1.38, step_kw=step_kw)
    empty = fleet_state.empty(CARS, [kind], Rules(latency_s=latency_s))
    ends_s = np.full(CARS, 1.8e5)
    there = Stays(np.arange(CARS), np.zeros(CARS), parked(CARS, 0), ends_s)
    record = simulate(empty, there, signal, share_of_firm(0.8), world=World(message_loss=loss))
    return tuple(
        float(scores(signal, record, "at_begin", 2.0, reading).mean()) for reading in READINGS
    )


def _figure(rows: list[tuple[float, ...]], scheme_name: SchemeName) -> str:
    scheme = theme.SCHEMES[scheme_name]
    words = f"PJM score of {CARS} cars on RegD, {HOURS} hours, steps of {SHOWN_STEP_A} A"
    marks = [canvas.text(24, 32, words, scheme.ink, weight=600)]
    marks.append(canvas.text(KEY_LEFT - 12, 32, "orders lost:", scheme.faint_ink, anchor="end"))
    for place, (loss, color) in enumerate(zip(LOSSES, COLORS, strict=True)):
        left = KEY_LEFT + 82 * place
        marks.append(canvas.line(left, 27, left + 20, 27, color, width=2.5))
        marks.append(canvas.text(left + 28, 32, f"{loss:.0%}", scheme.faint_ink))
    for column, reading in enumerate(READINGS):
        left = LEFT + column * (PANEL_PX + GAP_PX)
        marks += _panel(rows, scheme_name, left, column, f"precision {reading}")
    below = "delay of orders"
    marks.append(canvas.text(WIDTH / 2, HEIGHT - 14, below, scheme.faint_ink, anchor="middle"))
    title = "Score by delay of orders and loss of messages, both readings of precision"
    return canvas.drawing(WIDTH, HEIGHT, scheme_name, title, marks)


def _panel(
    rows: list[tuple[float, ...]], scheme_name: SchemeName, left: float, column: int, name: str
) -> list[str]:
    scheme = theme.SCHEMES[scheme_name]
    marks = [canvas.text(left, TOP - 16, name, scheme.ink)]
    for level in (0.94, 0.96, 0.98, 1.0):
        y = _y(level)
        marks.append(canvas.line(left, y, left + PANEL_PX, y, scheme.line))
        marks.append(canvas.text(left - 8, y + 5, f"{level:.2f}", scheme.faint_ink, anchor="end"))
    for place, latency_s in enumerate(LATENCIES_S):
        x = _x(left, place)
        label = f"{latency_s:g} s"
        marks.append(canvas.text(x, TOP + DEEP_PX + 24, label, scheme.faint_ink, anchor="middle"))
    for loss, color in zip(LOSSES, COLORS, strict=True):
        line = [row[3 + column] for row in rows if row[1] == loss and row[2] == SHOWN_STEP_A]
        points = [(_x(left, place), _y(score)) for place, score in enumerate(line)]
        for one, other in pairwise(points):
            marks.append(canvas.line(*one, *other, color, width=2.5))
    return marks


def _x(left: float, place: int) -> float:
    return left + PANEL_PX * (place + 0.5) / len(LATENCIES_S)


def _y(score: float) -> float:
    return TOP + DEEP_PX * (MOST - max(score, LEAST)) / (MOST - LEAST)


if __name__ == "__main__":
    main()
