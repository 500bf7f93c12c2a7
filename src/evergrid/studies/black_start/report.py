"""A black start as people read it: lines of text, figures, and a page without network."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from plotly.graph_objects import Figure

from evergrid.core.units import S_PER_H, W_PER_KW
from evergrid.report import figures as draw
from evergrid.report import theme
from evergrid.report.drawing import FigureMakers, Figures
from evergrid.report.page import Headline, Section, Table
from evergrid.resilience.black_start.results.outcome import Action, StartEvent
from evergrid.studies import console_summary
from evergrid.studies.black_start import runbook_sheet
from evergrid.studies.black_start.config import Config
from evergrid.studies.black_start.results import BlackStartResults, growing_swing
from evergrid.studies.black_start.sections import SectionOutcome, UpstreamWaveforms
from evergrid.studies.study import Page, Result

StudyResult = Result[Config, BlackStartResults]
THIN = 10  # samples from point to point of a figure
CLOSE_BEFORE_S, CLOSE_AFTER_S = 0.1, 0.8
HEADINGS = {
    "rising_voltage": "The voltage rises from zero",
    "inrush_current": "Why softly",
    "core_flux": "What the core sees",
    "foretold_swing": "It failed as foretold",
    "upstream_inrush": "The transformer upstream",
    "island_course": "Every step",
    "section_course": "Islands side by side",
    "pick_up_details": "Each pick-up",
    "block_timeline": "Who is on when",
    "served_power": "How long and how deep",
    "unit_shares": "Who carries",
    "motor_speed": "Motors come up to speed",
    "closing_modes": "Was it stable, and known before",
}
READING = {
    "rising_voltage": "The first unit feeds the dead bus with the transformer attached, so that "
    "its core is never hit by a step.",
    "inrush_current": "The same unit and transformer: closed at full voltage the core saturates "
    "and the current strikes; started softly it stays small.",
    "core_flux": "Current strikes where the flux passes the knee. Residual flux decays while the "
    "voltage rises slowly.",
    "foretold_swing": "A closing that the eigenvalues had called unstable was done nevertheless: "
    "what then grew, and what had been foretold.",
    "island_course": "Every block pulls the frequency down by droop, every unit lifts it again.",
    "upstream_inrush": "Closed at full voltage onto the inverters of the live site, and attached "
    "while the first unit raises the dead bus.",
    "section_course": "Each section, the emergency bus among them, has a voltage and a frequency "
    "of its own until a breaker joins them; then all units share by droop.",
    "pick_up_details": "What was looked at beforehand, as it then went.",
    "block_timeline": "Blocks come by their tier as soon as the units that are there can carry "
    "them; a further unit first has to meet the island's phase.",
    "served_power": "Served is the demand of blocks that are connected to a live bus. T_r is the "
    "time after which a share of the demand is back for good.",
    "unit_shares": "Equal droop per kVA lets all inverters carry alike, without a message.",
    "motor_speed": "A motor draws some six times its current from rest, until it is near its "
    "speed. Where it has no voltage, nothing is drawn.",
    "closing_modes": "Before each closing the eigenvalues of what would then be connected are "
    "looked at, around where it would settle.",
}
COLORS = {
    Action.PICK_UP: theme.ORANGE,
    Action.SYNCHRONISED: theme.GREEN,
    Action.SOFT_START: theme.GREEN,
    Action.ENERGISED: theme.PLUM,
    Action.JOINED: theme.PLUM,
    Action.ENTERED: theme.GREEN,
    Action.RECONNECTED: theme.PLUM,
    Action.CLOSED_BLIND: theme.RED,
    Action.TRANSFERRED: theme.PLUM,
    Action.NO_START: theme.RED,
    Action.TRIP: theme.RED,
    Action.SHED: theme.RED,
    Action.COLLAPSE: theme.RED,
    Action.REFUSED: theme.RED,
}


def console_lines(result: StudyResult) -> list[str]:
    """The summary in at most ten lines of text."""
    s = result.summary
    return console_summary.lines(
        [
            ("answer", answer(s)),
            (
                "units",
                f"{s['units_connected']} of {s['units']} that form the grid have joined; "
                f"{s['units_following']} follow it{_feeding(s)}{_emergency(s)}",
            ),
            (
                "T_r",
                f"80 % {_seconds(s['t_r_80_s'])}, 95 % {_seconds(s['t_r_95_s'])}, all "
                f"{_seconds(s['t_r_100_s'])}",
            ),
            (
                "M_D",
                f"{s['m_d_kwh']:,.4g} kWh, {100 * s['m_d_share']:.1f} % of the demand in "
                f"{s['duration_s']:g} s",
            ),
            (
                "lowest",
                "the bus is never energised"
                if s["lowest_frequency_hz"] is None
                else f"{s['lowest_frequency_hz']:.3f} Hz ({s['lowest_frequency_cause']}), "
                f"{_value(s['lowest_voltage_pu'], '.3f', 'pu')} ({s['lowest_voltage_cause']})",
            ),
            (
                "sync",
                "no closing between live parts"
                if s["sync_longest_s"] is None
                else f"{s['sync_count']} closings, longest wait {_seconds(s['sync_longest_s'])} of "
                f"at most {s['sync_bound_s']:.1f} s",
            ),
            ("stability", _stability(s)),
            ("inrush", _inrush(s)),
            *([("beyond", beyond(s))] if _has_beyond(s) else []),
            (
                "energy",
                f"{s['energy_kwh']:.3g} kWh used; {_left(s)}",
            ),
        ]
    )


def answer(s: Mapping[str, Any]) -> str:
    """Whether it works, as a sentence."""
    served = f"{s['served_kw']:,.4g} of {s['demand_kw']:,.4g} kW"
    if s["status"] == "restored":
        return (
            f"Yes: {s['units_connected']} units start the dead site and serve {served}, all of it "
            f"after {_seconds(s['t_r_100_s'])}" + (f"; {s['reason']}" if s["reason"] else "")
        )
    if s["status"] == "partly_restored":
        return f"{'In part' if s['blocks_on'] else 'No'}: {served} are served; {s['reason']}"
    if s["status"] == "unstable":
        return f"No: {s['reason']}. {served} are served at the end"
    if s["status"] == "refused_unstable":
        return f"No: a closing is refused, {served} are served. {s['reason']}"
    return f"No: the island collapses; {s['reason']}"


def _feeding(s: Mapping[str, Any]) -> str:
    """What those that follow do, where they take part."""
    if not s["following_on"] and not s["following_trips"]:
        return ""
    words = f", {s['following_on']} of them feed {s['following_kw']:,.3g} kW"
    return f"{words} after {s['following_trips']} trips" if s["following_trips"] else words


def _emergency(s: Mapping[str, Any]) -> str:
    """What diesel sets and motors do, where they take part."""
    words = ""
    if s["diesel_sets"]:
        words = (
            f"; {s['diesel_started']} of {s['diesel_sets']} diesel sets run and feed "
            f"{s['diesel_kw']:,.3g} kW, {s['blocks_on_emergency']} blocks on the emergency bus"
        )
    if s["motors"]:
        words += f"; motors of {s['motors_running']} of {s['motors']} blocks turn"
    return words


def _has_beyond(s: Mapping[str, Any]) -> bool:
    return s["neighbours"] > 0 or s["upstream_hard_pu"] is not None


def beyond(s: Mapping[str, Any]) -> str:
    """What became of what lies beyond the main bus, as a phrase."""
    words = []
    if s["neighbours"]:
        words.append(
            f"{s['neighbours_joined']} of {s['neighbours']} neighbouring sections are joined, "
            f"{s['neighbour_served_kw']:,.4g} of {s['neighbour_demand_kw']:,.4g} kW served there, "
            f"M_D {s['neighbour_m_d_kwh']:,.4g} kWh"
        )
    if s["upstream_hard_pu"] is not None:
        at = s["upstream_energised_s"]
        words.append(
            f"the transformer upstream {'stays dead' if at is None else f'lives from {at:.1f} s'}, "
            f"its inrush {s['upstream_soft_pu']:.3f} pu of the first unit softly, "
            f"{s['upstream_hard_pu']:.2f} pu of all hard"
        )
    return "; ".join(words)


def _stability(s: Mapping[str, Any]) -> str:
    damping = s["least_damping_per_s"]
    if damping is None:
        return "no closing was looked at"
    word = "decays" if damping > 0 else "grows"
    return (
        f"before {s['least_damped_closing']} the slowest mode {word} at {abs(damping):.2f} 1/s, "
        f"{s['least_damped_hz']:.1f} Hz, of {', '.join(s['least_damped_states'][:2])}"
    )


def _inrush(s: Mapping[str, Any]) -> str:
    if s["inrush_hard_pu"] is None:
        return "no transformer"
    return (
        f"{s['inrush_soft_pu']:.3f} pu of current with a soft start; closed hard "
        f"{s['inrush_hard_pu']:.2f} pu, and the voltage falls to {s['voltage_hard_pu']:.2f} pu"
    )


def _seconds(value: float | None) -> str:
    return "not reached" if value is None else f"{value:.1f} s"


def _left(s: Mapping[str, Any]) -> str:
    """What is left in the batteries, and for how long that lasts."""
    left = f"{s['energy_left_kwh']:,.4g} kWh above the reserves"
    if s["holds_h"] is None:
        return left
    return f"{left}; the first battery is down to its own after {s['holds_h']:.2f} h"


def _value(value: float | None, form: str, unit: str) -> str:
    return "none" if value is None else f"{value:{form}} {unit}"


def figures(result: StudyResult) -> FigureMakers:
    """What draws each figure of the report, by name in reading order."""
    found = result.findings
    makers: FigureMakers = {"rising_voltage": partial(_rising, found)}
    if found.waveforms.hard is not None:
        makers["inrush_current"] = partial(_inrush_figure, found)
        makers["core_flux"] = partial(_flux_figure, found)
    if found.upstream is not None:
        makers["upstream_inrush"] = partial(_upstream, found.upstream)
    swing = growing_swing(found.start)
    if swing is not None:
        makers["foretold_swing"] = partial(
            draw.foretold_swing,
            swing.time_s,
            swing.swing_kw,
            eigenvalue_per_s=swing.eigenvalue_per_s,
            closing=swing.closing,
        )
    makers["island_course"] = partial(_course, result, found)
    if len(found.sections) > 1:
        makers["section_course"] = partial(_sections_course, found)
    return makers | {
        "pick_up_details": partial(_details, found),
        "block_timeline": partial(_timeline, found),
        "served_power": partial(_served, found),
        "unit_shares": partial(_shares, found),
        **({"motor_speed": partial(_motors, found)} if found.start.circuit.motors else {}),
        "closing_modes": partial(_modes, found),
    }


def _rising(found: BlackStartResults) -> Figure:
    wave = found.waveforms.soft
    return draw.rising_voltage(
        wave.time_s,
        wave.bus_v,
        nominal_peak_v=wave.line_voltage_v * np.sqrt(2.0 / 3.0),
        nominal_hz=wave.nominal_hz,
    )


def _runs(found: BlackStartResults) -> list[draw.EnergisationRun]:
    """Both ways to energise: the soft start whole, the hard closing from a cycle before it."""
    soft, hard = found.waveforms.soft, found.waveforms.hard
    assert hard is not None
    late = hard.time_s >= hard.closing_s - 1.0 / hard.nominal_hz
    return [
        draw.EnergisationRun(
            "closed hard at full voltage",
            hard.time_s[late] - hard.closing_s,
            hard.output_a[:, late],
            hard.flux_pu[:, late],
        ),
        draw.EnergisationRun("started softly", soft.time_s, soft.output_a, soft.flux_pu),
    ]


def _inrush_figure(found: BlackStartResults) -> Figure:
    wave = found.waveforms.soft
    peak_a = np.sqrt(2.0 / 3.0) * W_PER_KW * wave.rating_kva / wave.line_voltage_v
    return draw.inrush_current(_runs(found), rated_peak_a=peak_a)


def _flux_figure(found: BlackStartResults) -> Figure:
    transformer = found.start.circuit.site.transformer
    assert transformer is not None
    return draw.core_flux(_runs(found), knee_pu=transformer.knee_pu)


def _upstream(waves: UpstreamWaveforms) -> Figure:
    hard, soft = waves.hard.wave, waves.soft
    late = hard.time_s >= hard.closing_s - 1.0 / hard.nominal_hz
    peak_a = np.sqrt(2.0 / 3.0) * W_PER_KW * hard.rating_kva / hard.line_voltage_v
    return draw.inrush_current(
        [
            draw.EnergisationRun(
                "closed hard onto the live site",
                hard.time_s[late] - hard.closing_s,
                hard.output_a[:, late],
                hard.flux_pu[:, late],
            ),
            draw.EnergisationRun("raised with the bus", soft.time_s, soft.output_a, soft.flux_pu),
        ],
        rated_peak_a=peak_a,
    )


def _sections_course(found: BlackStartResults) -> Figure:
    samples = found.start.samples
    return draw.section_course(
        samples.time_s[::THIN],
        [one.name for one in found.sections],
        samples.section_frequency_hz[::THIN],
        samples.section_voltage_pu[::THIN],
        [mark for mark in _marks(found.start.events) if mark.color == theme.PLUM],
        nominal_hz=found.start.circuit.site.nominal_hz,
    )


def _marks(events: tuple[StartEvent, ...]) -> list[draw.Mark]:
    return [
        draw.Mark(
            one.time_s,
            f"{one.time_s:.2f} s: {one.action.replace('_', ' ')} of {one.actor}",
            COLORS[one.action],
        )
        for one in events
        if one.action in COLORS
    ]


def _course(result: StudyResult, found: BlackStartResults) -> Figure:
    samples = found.start.samples
    return draw.island_course(
        samples.time_s[::THIN],
        samples.voltage_pu[::THIN],
        samples.frequency_hz[::THIN],
        _marks(found.start.events),
        nominal_hz=found.start.circuit.site.nominal_hz,
        pick_up_voltage_pu=result.config.limits.pick_up_voltage_pu,
    )


def _details(found: BlackStartResults) -> Figure:
    samples = found.start.samples
    own = found.start.circuit.sections[0].blocks
    picked = [
        one for one in found.start.events if one.action is Action.PICK_UP and one.actor in own
    ]
    times, hertz, volts = [], [], []
    for one in picked:
        near = (samples.time_s >= one.time_s - CLOSE_BEFORE_S) & (
            samples.time_s < one.time_s + CLOSE_AFTER_S
        )
        times.append(samples.time_s[near] - one.time_s)
        hertz.append(samples.frequency_hz[near])
        volts.append(samples.voltage_pu[near])
    names = [one.actor for one in picked]
    nominal = found.start.circuit.site.nominal_hz
    return draw.pick_up_details(names, times, hertz, volts, nominal_hz=nominal)


def _timeline(found: BlackStartResults) -> Figure:
    start = found.start
    units = [
        (unit.name, float(since))
        for unit, since in zip(start.circuit.formers, start.connected_s, strict=True)
    ]
    blocks = start.circuit.blocks
    return draw.block_timeline(
        [block.name for block in blocks],
        [block.tier for block in blocks],
        np.array([block.power_kw for block in blocks]),
        start.samples.time_s,
        start.samples.connected,
        units,
        duration_s=start.duration_s,
    )


def _served(found: BlackStartResults) -> Figure:
    curves, times = found.curves, found.sustained
    at = np.where(times.reached[0], times.time_h[0] * S_PER_H, np.nan)
    thresholds = [(float(one), float(s)) for one, s in zip(times.threshold, at, strict=True)]
    return draw.served_power(
        curves.time_h[0] * S_PER_H,
        curves.served_kw[0],
        found.start.circuit.site.power_kw,
        thresholds,
        duration_s=found.start.duration_s,
        missing_kwh=float(found.degradation.energy_kwh[0]),
    )


def _shares(found: BlackStartResults) -> Figure:
    samples = found.start.samples
    names = [unit.name for unit in found.start.circuit.formers]
    power_kw = samples.unit_power_kw
    if found.start.followers:
        names = [*names, "all that follow"]
        together_kw = samples.follower_power_kw.sum(axis=1, keepdims=True)
        power_kw = np.hstack([power_kw, together_kw])
    return draw.unit_shares(
        samples.time_s[::THIN], names, power_kw[::THIN], samples.unit_current_pu[::THIN]
    )


def _motors(found: BlackStartResults) -> Figure:
    samples = found.start.samples
    names = [one.block for one in found.start.circuit.motors]
    return draw.motor_speed(samples.time_s[::THIN], names, samples.motor_speed_pu[::THIN])


def _modes(found: BlackStartResults) -> Figure:
    known = [check for check in found.start.checks if len(check.eigenvalue_per_s)]
    return draw.closing_modes(
        [check.closing for check in known], [check.eigenvalue_per_s for check in known]
    )


def page(result: StudyResult, drawn: Figures) -> Page:
    """The content of the HTML report."""
    s, found = result.summary, result.findings
    sections = [
        *drawn.sections(READING, HEADINGS),
        Section(
            "Runbook",
            "The same steps for those who do them; runbook.html prints them on paper.",
            runbook_sheet.table(found),
        ),
        *_section_table(found),
        Section("Log", "Every event, with the readings before and after.", _log(found)),
    ]
    return Page(cards=_cards(s), sections=sections, answer=f"{answer(s).rstrip('.')}.")


def _cards(s: Mapping[str, Any]) -> list[Headline]:
    served = f"of {s['demand_kw']:,.4g} kW"
    damping = s["least_damping_per_s"]
    return [
        Headline("Served at the end", f"{s['served_kw']:,.4g}", "kW", served),
        _recovery_card("T_r of 80 %", s["t_r_80_s"]),
        _recovery_card("T_r of all", s["t_r_100_s"]),
        Headline("M_D", f"{s['m_d_kwh']:,.4g}", "kWh", f"{100 * s['m_d_share']:.0f} % of demand"),
        Headline(
            "Lowest frequency",
            _value(s["lowest_frequency_hz"], ".3f", "Hz").removesuffix(" Hz"),
            "Hz",
            s["lowest_frequency_cause"],
        ),
        Headline(
            "Lowest voltage",
            _value(s["lowest_voltage_pu"], ".3f", "pu").removesuffix(" pu"),
            "pu",
            s["lowest_voltage_cause"],
        ),
        Headline(
            "Least damping",
            "none" if damping is None else f"{damping:.2f}",
            "1/s",
            f"before {s['least_damped_closing']}",
        ),
        Headline(
            "First battery holds for",
            _value(s["holds_h"], ".2f", "h").removesuffix(" h"),
            "h",
            f"{s['energy_left_kwh']:,.4g} kWh above the reserves in all",
        ),
    ]


def _recovery_card(label: str, value: float | None) -> Headline:
    if value is None:
        return Headline(label, "none", "", "not reached for good")
    return Headline(label, f"{value:.1f}", "s", "after the loss of the grid")


def _section_table(found: BlackStartResults) -> list[Section]:
    """The site, its emergency bus and its neighbours side by side; nothing without them."""
    if len(found.sections) == 1:
        return []
    rows = [
        (
            one.name,
            f"{one.units_connected} of {one.units}",
            f"{one.served_kw[-1]:,.4g} of {one.demand_kw:,.4g}",
            _reached(one, 0),
            _reached(one, -1),
            f"{float(one.degradation.energy_kwh[0]):,.4g}",
            _at(one.live_s),
            _at(one.joined_s),
        )
        for one in found.sections
    ]
    columns = (
        *("section", "units", "served, kW", "T_r of 80 %, s", "T_r of all, s", "M_D, kWh"),
        *("live from, s", "joined at, s"),
    )
    words = "T_r and M_D of the site are those above; a neighbour's demand is its own."
    if any(one.of_site for one in found.sections):
        words += " Blocks with a transfer switch count for the emergency bus and for the site."
    return [Section("Section by section", words, Table(columns, rows))]


def _reached(one: SectionOutcome, threshold: int) -> str:
    if not one.recovery.reached[0, threshold]:
        return "not reached"
    return f"{float(one.recovery.time_h[0, threshold]) * S_PER_H:.1f}"


def _at(seconds: float) -> str:
    return f"{seconds:.1f}" if np.isfinite(seconds) else "never"


def _log(found: BlackStartResults) -> Table:
    rows = [
        (
            f"{one.time_s:.2f}",
            one.action.replace("_", " "),
            one.actor,
            one.cause,
            _pair(one.before.frequency_hz, one.after.frequency_hz, ".3f"),
            _pair(one.before.voltage_pu, one.after.voltage_pu, ".3f"),
            _pair(one.before.power_kw, one.after.power_kw, ".1f"),
        )
        for one in found.start.events
    ]
    columns = ("s", "action", "who", "cause", "Hz", "pu", "kW")
    return Table(columns, rows)


def _pair(before: float, after: float, form: str) -> str:
    first, last = (f"{value:{form}}" if np.isfinite(value) else "-" for value in (before, after))
    return last if first == last else f"{first} to {last}"
