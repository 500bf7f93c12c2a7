"""Frequency response as people read it: lines of text, figures, and a page without network."""

from collections.abc import Mapping
from datetime import UTC
from functools import partial
from typing import Any

import numpy as np
import polars as pl
from plotly.graph_objects import Figure

from evergrid.core.timegrid import TimeGrid
from evergrid.core.units import S_PER_H
from evergrid.markets.rules import frequency_response
from evergrid.markets.rules.constant import Mark
from evergrid.report import figures as draw
from evergrid.report.drawing import FigureMakers, Figures
from evergrid.report.page import Headline, Section, Table
from evergrid.resilience.frequency.playback import CAUSES
from evergrid.studies import console_summary
from evergrid.studies.frequency_response.config import OWN, Config
from evergrid.studies.frequency_response.results import (
    WITH,
    WITHOUT,
    EventResults,
    FrequencyResults,
    RecordResults,
)
from evergrid.studies.study import Page, Result

StudyResult = Result[Config, FrequencyResults]
MOST_ROWS = 30
HEADINGS = {
    "frequency_after_loss": "Frequency with and without the fleet",
    "power_after_loss": "Power and energy",
    "nadir_by_inertia": "What inertia does",
    "nadir_by_fleet": "What the fleet does",
    "record_played": "The record and the fleet",
    "missing_by_cause": "Who could not give what was due",
    "vehicles_in_record": "What each vehicle did",
}
READING = {
    "frequency_after_loss": "The frequency of the whole area after the loss. Inertia sets how fast "
    "it begins to fall, plants and fleet how deep.",
    "power_after_loss": "Plants come late, as steam passes the reheater; the fleet comes as soon "
    "as its chargers have measured and moved.",
    "nadir_by_inertia": "The lowest frequency after the same loss in areas of less or more "
    "inertia, with fleets of several sizes.",
    "nadir_by_fleet": "The lowest frequency after the loss with fleets from none to all that the "
    "vehicles can hold.",
    "record_played": "The record is as it was measured: the fleet does not change it. Due is what "
    "the product asks of the award, delivered what the chargers gave.",
    "missing_by_cause": "A promise to a driver goes before an order. A battery at its reserve "
    "gives nothing, a full one takes nothing.",
    "vehicles_in_record": "Energy beside what each would have drawn without an order.",
}
ENDED = {
    "record": "the record ends",
    "disconnected": "the frequency leaves the range in which chargers stay connected",
    "dead": "the bus has no voltage any more",
}
CAUSE_WORDS = {
    "promise": "promise to a driver",
    "battery": "battery empty or full",
}


def console_lines(result: StudyResult) -> list[str]:
    """The summary in at most ten lines of text."""
    s = result.summary
    rows = _event_rows(s) if s["mode"] == "event" else _record_rows(s)
    return console_summary.lines(rows)


def _event_rows(s: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        ("answer", answer(s)),
        (
            "area",
            f"{s['loss_mw']:,.4g} MW lost, {s['kinetic_energy_mws']:,.4g} MWs in rotors, first "
            f"{s['initial_rocof_hz_per_s']:.3f} Hz/s",
        ),
        (
            "fleet",
            f"{s['vehicles']:,} vehicles can hold {s['headroom_up_mw']:,.4g} MW up and "
            f"{s['headroom_down_mw']:,.4g} down; award {s['award_mw']:,.4g} MW of {s['product']}",
        ),
        (
            "nadir",
            f"{_hz(s['nadir_hz'])} after {s['nadir_s']:.2f} s; without the fleet "
            f"{_hz(s['nadir_without_hz'])} after {s['nadir_without_s']:.2f} s",
        ),
        (
            "rocof",
            f"{s['rocof_hz_per_s']:.3f} Hz/s over {s['rocof_window_s']:g} s; without "
            f"{s['rocof_without_hz_per_s']:.3f}",
        ),
        (
            "settles",
            f"at {_hz(s['settled_hz'])}; without at {_hz(s['settled_without_hz'])}; load shed "
            f"{s['shed_mw']:,.4g} and {s['shed_without_mw']:,.4g} MW",
        ),
        (
            "limit",
            f"{s['limit_hz']:g} Hz: needs {_amount(s['least_fleet_mw'], 'MW')} of fleet, or "
            f"inertia of {_amount(s['least_inertia_without_s'], 's')} without it",
        ),
        (
            "saves",
            f"{_amount(s['kinetic_energy_saved_mws_per_mw'], 'MWs')} of rotors or "
            f"{_amount(s['reserve_saved_mw_per_mw'], 'MW')} of plants' reserve a MW of award",
        ),
        (
            "loop",
            f"delay {s['loop_delay_s']:.3g} s, {_margin(s)}; "
            f"integration within {1000 * s['step_error_hz']:.2g} mHz",
        ),
    ]


def _record_rows(s: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        ("answer", answer(s)),
        (
            "record",
            f"{s['readings_played']:,} of {s['readings']:,} readings until {s['end_utc']}, when "
            f"{ENDED[s['ended']]}; {s['gaps']:,} missing",
        ),
        ("frequency", f"{s['lowest_hz']:.3f} to {s['highest_hz']:.3f} Hz"),
        (
            "asked",
            f"{s['product']}: mean {s['share_mean_abs']:.3f} of the award, {s['share_last']:.2f} "
            "at the end",
        ),
        (
            "fleet",
            f"{s['vehicles_most']:,} vehicles at most, {s['award_mean_mw']:,.4g} MW awarded on "
            "average",
        ),
        (
            "energy",
            f"{s['fed_mwh']:,.4g} MWh added, {s['taken_mwh']:,.4g} taken away; net "
            f"{s['energy_delivered_mwh']:,.4g} of {s['energy_due_mwh']:,.4g} due",
        ),
        (
            "missing",
            ", ".join(f"{CAUSE_WORDS[c]} {s[f'missing_{c}_mwh']:,.3g} MWh" for c in CAUSES),
        ),
        (
            "drivers",
            f"{s['vehicles_cut']:,} vehicles cut by their promise; "
            f"{s['shortfall_kwh']:,.2f} kWh short at departure",
        ),
    ]


def answer(s: Mapping[str, Any]) -> str:
    """What the fleet does, as a sentence."""
    if s["mode"] == "record":
        error = s["mean_error"]
        told = "nothing is awarded" if error is None else f"{100 * (1 - error):.1f} % followed"
        return f"The record asks up to {_most(s):.0f} % of the award; {told}"
    raised = 1000.0 * (s["nadir_hz"] - s["nadir_without_hz"])
    kept = "keeps" if s["limit_kept"] else "does not keep"
    before = "kept" if s["limit_kept_without"] else "broken"
    return (
        f"The fleet raises the nadir by {raised:,.0f} mHz and {kept} {s['limit_hz']:g} Hz, "
        f"{before} without it"
    )


def _most(s: Mapping[str, Any]) -> float:
    return 100.0 * s["share_most"]


def _margin(s: Mapping[str, Any]) -> str:
    margin_s = s["delay_margin_s"]
    return "would hunt at none" if margin_s is None else f"would hunt from {margin_s:.3g} s"


def _hz(value: float | None) -> str:
    return "none, as plants disconnect" if value is None else f"{value:.3f} Hz"


def _amount(value: float | None, unit: str) -> str:
    return "none within reach" if value is None else f"{value:,.4g} {unit}"


def notes(config: Config, found: FrequencyResults) -> list[str]:
    """What a reader must know."""
    told = []
    if isinstance(found, RecordResults):
        told += _record_notes(found)
    else:
        told += _event_notes(config, found)
    if config.response.product != OWN:
        product = frequency_response.named(config.response.product)
        unsure = [
            words
            for words, mark in (
                ("curve", product.mark),
                ("time to full delivery", product.full_s.mark),
                ("energy", product.energy_h.mark),
            )
            if mark is Mark.UNVERIFIED
        ]
        if unsure:
            told.append(f"Of {product.title}, not verified: {', '.join(unsure)}.")
        if isinstance(found, EventResults) and config.control.full_s > product.full_s.value:
            told.append(
                f"control.full_s is {config.control.full_s:g} s; {product.title} asks for all of "
                f"it within {product.full_s.value:g} s."
            )
    return told


def _event_notes(config: Config, found: EventResults) -> list[str]:
    told = [
        "The area swings as one: oscillations between its parts, voltage, and protection by rate "
        "of change of frequency are not modelled. Plants are steam turbines with a reheater.",
        "What the fleet saves counts with its whole award, and keeps the limit without load "
        "shedding.",
    ]
    if config.event.vehicles_each != 1.0:
        told.append(f"Each vehicle stands for {config.event.vehicles_each:,g}.")
    gone = found.trajectories.disconnected_s
    for case, words in ((WITHOUT, "Without the fleet"), (WITH, "With the fleet")):
        if np.isfinite(gone[case]):
            told.append(
                f"{words}, plants disconnect at {config.area.least_hz:g} Hz after {gone[case]:.2f} "
                "s; what follows is not modelled."
            )
    if not found.swept_stable.all():
        count = int((~found.swept_stable).sum())
        told.append(f"{count} points of the sweep are left out: the fleet would hunt there.")
    if not found.trajectories.still[WITH] and not np.isfinite(gone[WITH]):
        told.append("The frequency still moves at the end: choose a longer event.duration_s.")
    return told


def _record_notes(found: RecordResults) -> list[str]:
    played = found.playback
    told = [
        "The record is given: it is the frequency as it was, and the fleet does not change it. "
        "What a fleet of this size would have done to the frequency is not told here.",
    ]
    if played.ended == "disconnected":
        told.append(
            f"The playback ends after {_clock(played.record.times[-1])} UTC: the frequency leaves "
            "the range in which chargers stay connected."
        )
    if found.dead_utc is not None:
        told.append(
            f"From {_clock(found.dead_utc)} UTC on the bus is dead, with voltages near 0: "
            f"{found.dead:,} readings mean nothing and are not used."
        )
    if found.gaps:
        told.append(
            f"{found.gaps:,} readings did not come: the last one stands for ten seconds, then "
            "vehicles go back to what they would do without an order."
        )
    return told


def _clock(moment: np.datetime64) -> str:
    return str(np.datetime_as_string(moment, unit="s")).replace("T", " ")


def figures(result: StudyResult) -> FigureMakers:
    """What draws each figure of the report, by name in reading order."""
    found = result.findings
    if isinstance(found, RecordResults):
        return {
            "record_played": partial(_played, result, found),
            "missing_by_cause": partial(_missing, result, found),
            "vehicles_in_record": partial(_each, found),
        }
    return {
        "frequency_after_loss": partial(_frequency, result, found),
        "power_after_loss": partial(_power, found),
        "nadir_by_inertia": partial(_by_inertia, result, found),
        "nadir_by_fleet": partial(_by_fleet, result, found),
    }


def _frequency(result: StudyResult, found: EventResults) -> Figure:
    went = found.trajectories
    return draw.frequency_after_loss(
        went.time_s,
        {
            "without the fleet": went.frequency_hz[WITHOUT],
            "with the fleet": went.frequency_hz[WITH],
        },
        nominal_hz=found.area.nominal_hz,
        limit_hz=result.config.event.limit_hz,
        shedding_hz=[stage.frequency_hz for stage in found.area.shedding],
    )


def _power(found: EventResults) -> Figure:
    went = found.trajectories
    power = {"fleet": went.fleet_mw[WITH], "plants": went.governor_mw[WITH]}
    if np.nanmax(went.shed_mw[WITH]) > 0:
        power["load shed"] = went.shed_mw[WITH]
    step_s = went.time_s[1] - went.time_s[0]
    energy = np.cumsum(went.fleet_mw[WITH]) * step_s / S_PER_H
    return draw.power_after_loss(went.time_s, power, energy)


def _by_inertia(result: StudyResult, found: EventResults) -> Figure:
    inertia = np.array(result.config.sweep.inertia_s)
    order = np.argsort(inertia)
    nadir = found.nadir_by_inertia_hz(len(inertia))
    limit_hz = result.config.event.limit_hz
    return draw.nadir_by_inertia(inertia[order], found.sweep, nadir[:, order], limit_hz=limit_hz)


def _by_fleet(result: StudyResult, found: EventResults) -> Figure:
    return draw.nadir_by_fleet(
        found.sizes_mw,
        found.sized.nadir_hz,
        found.sized_stable,
        limit_hz=result.config.event.limit_hz,
        least_mw=found.needs.fleet_mw,
    )


def _grid(found: RecordResults) -> TimeGrid:
    record = found.playback.record
    start = record.times[0].astype("datetime64[us]").item()
    return TimeGrid(start.replace(tzinfo=UTC), record.tick_s / S_PER_H, len(record))


def _played(result: StudyResult, found: RecordResults) -> Figure:
    played = found.playback
    return draw.record_played(
        _grid(found),
        played.record.frequency_hz,
        played.due_kw,
        played.delivered_kw,
        played.energy_delivered_mwh,
        time_zone=result.config.time_zone,
    )


def _missing(result: StudyResult, found: RecordResults) -> Figure:
    played = found.playback
    missing = {
        CAUSE_WORDS[cause]: values for cause, values in zip(CAUSES, played.missing_kw, strict=True)
    }
    return draw.missing_by_cause(_grid(found), missing, time_zone=result.config.time_zone)


def _each(found: RecordResults) -> Figure:
    played = found.playback
    (had,) = np.nonzero(played.up_kw + played.down_kw)
    names = [str(name) for name in found.sessions.asset_id[had]]
    return draw.vehicles_in_record(
        names, played.fed_kwh[had], played.taken_kwh[had], played.cut_kwh[had]
    )


def page(result: StudyResult, drawn: Figures) -> Page:
    """The content of the HTML report."""
    s = result.summary
    sections = drawn.sections(READING, HEADINGS)
    found = result.findings
    if isinstance(found, RecordResults):
        return Page(_record_cards(s), [*sections, _cut(result)], answer=f"{answer(s)}.")
    return Page(_event_cards(s), [*sections, _needs(s)], answer=f"{answer(s)}.")


def _event_cards(s: Mapping[str, Any]) -> list[Headline]:
    without = _hz(s["nadir_without_hz"])
    window = f"over {s['rocof_window_s']:g} s; {s['rocof_without_hz_per_s']:.2f} without"
    return [
        Headline("Nadir", f"{s['nadir_hz']:.3f}", "Hz", f"{without} without the fleet"),
        Headline("Rate of change", f"{s['rocof_hz_per_s']:.2f}", "Hz/s", window),
        Headline("Load shed", f"{s['shed_mw']:,.4g}", "MW", f"{s['shed_without_mw']:,.4g} without"),
        Headline("Award", f"{s['award_mw']:,.4g}", "MW", f"of {s['headroom_up_mw']:,.4g} MW up"),
        Headline(
            "Smallest fleet", *_split(s["least_fleet_mw"], "MW"), f"keeps {s['limit_hz']:g} Hz"
        ),
        Headline(
            "Rotors saved",
            *_split(s["kinetic_energy_saved_mws_per_mw"], "MWs"),
            "for a MW of award",
        ),
        Headline("Reserve saved", *_split(s["reserve_saved_mw_per_mw"], "MW"), "for a MW of award"),
        Headline(
            "Delay margin", *_split(s["delay_margin_s"], "s"), f"delay {s['loop_delay_s']:g} s"
        ),
    ]


def _split(value: float | None, unit: str) -> tuple[str, str]:
    return ("none", "") if value is None else (f"{value:,.3g}", unit)


def _needs(s: Mapping[str, Any]) -> Section:
    """What keeps the limit, without the fleet and with it."""
    rows = [
        (
            "Inertia",
            _amount(s["least_inertia_without_s"], "s"),
            _amount(s["least_inertia_s"], "s"),
            _amount(s["kinetic_energy_saved_mws_per_mw"], "MWs of energy in rotors"),
        ),
        (
            "Reserve of plants",
            _amount(s["least_reserve_without_mw"], "MW"),
            _amount(s["least_reserve_mw"], "MW"),
            _amount(s["reserve_saved_mw_per_mw"], "MW"),
        ),
    ]
    columns = ("least that is needed", "without the fleet", "with it", "saved by a MW of award")
    text = (
        f"Each alone is lowered until the nadir is {s['limit_hz']:g} Hz, all else as configured. "
        "Plants with a governor and the reserve they hold change together."
    )
    return Section("What keeps the limit", text, Table(columns, rows))


def _record_cards(s: Mapping[str, Any]) -> list[Headline]:
    error = s["mean_error"]
    followed = "none" if error is None else f"{100 * (1 - error):.1f}"
    return [
        Headline("Lowest", f"{s['lowest_hz']:.3f}", "Hz", "while chargers stay connected"),
        Headline("Asked at the end", f"{100 * s['share_last']:.0f}", "%", "of the award"),
        Headline(
            "Award", f"{s['award_mean_mw']:,.3g}", "MW", f"of {s['vehicles_most']:,} vehicles"
        ),
        Headline("Followed", followed, "%", "mean distance to what is due, of the award"),
        Headline("Added", f"{1000 * s['fed_mwh']:,.3g}", "kWh", "beside the plan"),
        Headline("Taken away", f"{1000 * s['taken_mwh']:,.3g}", "kWh", "beside the plan"),
        Headline("Cut", f"{s['vehicles_cut']:,}", "vehicles", "by the promise to their driver"),
        Headline("Short", f"{s['shortfall_kwh']:,.2f}", "kWh", "at departure, of what was owed"),
    ]


def _cut(result: StudyResult) -> Section:
    """The vehicles whose promise cut most."""
    moved = pl.col("fed_kwh") + pl.col("taken_kwh")
    frame = result.tables["vehicles"].sort("cut_kwh", moved, descending=True).head(MOST_ROWS)
    rows = [
        (
            row["asset_id"],
            f"{row['departure_utc']:%d %b %H:%M}",
            f"{row['award_up_kw']:.2f}",
            f"{row['fed_kwh']:.2f}",
            f"{row['taken_kwh']:.2f}",
            f"{row['cut_s']:,.0f}",
            f"{row['cut_kwh']:.2f}",
        )
        for row in frame.to_dicts()
    ]
    columns = ("vehicle", "leaves (UTC)", "award up, kW", "added, kWh", "taken away, kWh")
    columns += ("cut for, s", "cut, kWh")
    text = (
        f"Those whose promise cut most come first, then those that moved most; {MOST_ROWS} at most."
    )
    return Section("Vehicle by vehicle", text, Table(columns, rows))
