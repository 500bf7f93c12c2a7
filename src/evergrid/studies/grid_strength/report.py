"""How grid strength is reported: the summary in text, the figures, the HTML report."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from plotly.graph_objects import Figure

from evergrid.report import figures as draw
from evergrid.report import theme
from evergrid.report.drawing import FigureMakers, Figures
from evergrid.report.page import Headline, Section, Table
from evergrid.studies import console_summary
from evergrid.studies.feeder_places import Shade, with_distance
from evergrid.studies.grid_strength.config import Config
from evergrid.studies.grid_strength.findings import ADVISED, ASKED, StrengthResults
from evergrid.studies.study import Page, Result

StudyResult = Result[Config, StrengthResults]
MAP = "strength_map"
HEADINGS = with_distance({MAP: "Strength of each bus"}, heading=True)
READING = {
    **with_distance({MAP: "Short-circuit ratio of one inverter at each bus."}),
    MAP: "Short-circuit ratio of one inverter at each bus: orange is weak, blue strong. "
    "Whatever is ten times as strong as the weakest bus has the deepest blue.",
    "strength_curve": "A weak bus moves much with little power. Below the line it is weak.",
    "loop_gains": "What comes back of a unit of reactive power: alone, and when all inverters "
    "answer to the same voltage at once.",
    "droop_response": "The inverter with the highest loop gain, with the slope that was asked for "
    "and with the one that is advised.",
}
CAPPED = 10.0  # times the lowest ratio, where the colours of the map end
MOST_ROWS = 20  # of the table of inverters


def console_lines(result: StudyResult) -> list[str]:
    """The summary in at most ten lines of text."""
    s = result.summary
    verdict = "hunts" if s["hunts"] else "calm"
    rows = [
        ("feeder", f"{s['feeder']}, {s['buses']:,} buses, {s['nodes']:,} nodes"),
        (
            "weakest",
            f"bus {s['weakest_bus']}: {s['weakest_short_circuit_kva']:,.0f} kVA, X/R "
            f"{s['weakest_x_over_r']:.2f}, SCR {s['weakest_scr']:.1f} of {s['unit_kva']:,.4g} kVA",
        ),
        ("weak", f"{s['weak_buses']:,} buses below SCR {s['weak_scr']:g}"),
        (
            "inverters",
            f"{s['inverters']:,} with {s['installed_kva']:,.4g} kVA; lowest SCR "
            f"{s['lowest_scr']:.2f} alone, {s['lowest_scr_with_others']:.2f} with the others",
        ),
        (
            "droop",
            f"slope {s['slope']:.3g}, {100 * s['step_weight']:.0f} % of the way every "
            f"{s['step_s']:g} s: stable below a gain of {s['stable_gain']:.2f}",
        ),
        (
            "loop",
            f"gain {s['loop_gain']:.2f} together, {s['highest_own_gain']:.2f} at most alone: "
            f"{verdict}, {s['growth_per_step']:.2f} times a step",
        ),
        (
            "advised",
            f"slopes from {s['advised_slope_lowest']:.2f}, or {s['advised_slope_equal']:.2f} for "
            f"all: gain {s['advised_loop_gain']:.2f}",
        ),
        ("swing", f"{_swing(s['swing_pu'])} as asked, {_swing(s['advised_swing_pu'])} as advised"),
    ]
    return console_summary.lines(rows)


def figures(result: StudyResult) -> FigureMakers:
    """What draws each figure of the report, by name in reading order."""
    found, s = result.findings, result.summary
    shade = Shade(
        f"Short-circuit ratio of {s['unit_kva']:,.4g} kVA",
        "Short-circuit ratio",
        "",
        scale=(s["weakest_scr"], CAPPED * s["weakest_scr"]),
        colors=(theme.ORANGE, theme.GREY, theme.BLUE),
        logarithmic=True,
    )
    return {
        **result.findings.places.drawings("strength_map", lambda: found.bus_scr, shade),
        "strength_curve": partial(_curve, result),
        "loop_gains": partial(_gains, result),
        "droop_response": partial(_response, found),
    }


def _curve(result: StudyResult) -> Figure:
    found, s = result.findings, result.summary
    return draw.scr_curve(
        result.findings.feeder.buses.name,
        found.bus_scr,
        found.buses.x_over_r,
        weak_scr=s["weak_scr"],
        rating_kva=s["unit_kva"],
    )


def _gains(result: StudyResult) -> Figure:
    found, stable = result.findings, result.summary["stable_gain"]
    return draw.loop_gains(
        found.inverters.name,
        np.diag(found.loops[ASKED].gain),
        found.gain_with_others,
        stable_gain=stable,
        most_gain=found.request.margin * stable,
    )


def page(result: StudyResult, drawn: Figures) -> Page:
    """The content of the HTML report."""
    return Page(
        cards=_headline(result.summary),
        sections=[*drawn.sections(READING, HEADINGS), _steepest(result.findings), *_places(result)],
    )


def _places(result: StudyResult) -> list[Section]:
    """Strength of the buses that are on no map."""
    found = result.findings
    columns = {
        "SCR": found.bus_scr,
        "short-circuit power, kVA": found.buses.short_circuit_kva,
        "X/R": found.buses.x_over_r,
    }
    worst = np.where(np.isnan(found.bus_scr), np.inf, found.bus_scr)
    return result.findings.places.table(columns, worst_first=worst, elsewhere="nodes.parquet")


def _response(found: StrengthResults) -> Figure:
    """The response of the inverter with the highest gain; both settings."""
    at, voltage = found.worst, found.response.voltage_pu
    time_s = (np.arange(voltage.shape[2]) - 1) * found.request.step_s
    labels = {
        ASKED: f"slope {found.settings[ASKED].slope[at]:.3g}, as asked",
        ADVISED: f"slope {found.settings[ADVISED].slope[at]:.3g}, as advised",
    }
    voltages = {words: voltage[setting, at] for setting, words in labels.items()}
    return draw.droop_response(time_s, voltages, name=str(found.inverters.name[at]))


def _headline(s: Mapping[str, Any]) -> list[Headline]:
    verdict = "hunts" if s["hunts"] else "settles"
    return [
        Headline("Weakest bus", s["weakest_bus"], "", f"SCR {s['weakest_scr']:.1f}"),
        Headline("Weak buses", f"{s['weak_buses']:,}", "", f"SCR below {s['weak_scr']:g}"),
        Headline(
            "Lowest SCR", f"{s['lowest_scr_with_others']:.2f}", "", "an inverter with the others"
        ),
        Headline(
            "Loop gain", f"{s['loop_gain']:.2f}", "", f"{verdict}; limit {s['stable_gain']:.2f}"
        ),
        Headline("Advised slope", f"{s['advised_slope_equal']:.2f}", "pu/pu", "the same for all"),
        Headline("Swing", _swing(s["swing_pu"]), "", f"{_swing(s['advised_swing_pu'])} as advised"),
    ]


def _swing(swing_pu: float | None) -> str:
    return "collapse" if swing_pu is None else f"{100 * swing_pu:.2f} %"


def _steepest(found: StrengthResults) -> Section:
    """The inverters that must be flattest."""
    columns = ("inverter", "rating", "X/R", "SCR", "SCR with others", "loop gain with others")
    columns += ("slope advised",)
    seen, advised = found.at_inverters, found.settings[ADVISED].slope
    order = np.argsort(advised, kind="stable")[:MOST_ROWS].tolist()
    rows = [
        (
            str(found.inverters.name[i]),
            f"{found.rating_kva[i]:,.4g} kVA",
            f"{seen.x_over_r[i]:.2f}",
            f"{found.scr[i]:.2f}",
            f"{found.scr_with_others[i]:.2f}",
            f"{found.gain_with_others[i]:.2f}",
            f"{advised[i]:.2f}",
        )
        for i in order
    ]
    text = "Slope in pu of the rating per pu of voltage, nowhere steeper than was asked for."
    return Section("Slopes that keep the margin", text, Table(columns, rows))
