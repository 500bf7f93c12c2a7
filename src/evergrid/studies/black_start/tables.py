"""The tables and headline numbers of a black start."""

from typing import Any

import numpy as np
import polars as pl

from evergrid.core.arrays import Bool
from evergrid.core.units import S_PER_H, W_PER_KW
from evergrid.inputs.microgrid_feeder import section_table
from evergrid.resilience.black_start.assets.emergency import DieselSource
from evergrid.resilience.black_start.checks import closing
from evergrid.resilience.black_start.circuit import GRID
from evergrid.resilience.black_start.neighbour.feeder import UPSTREAM_TRANSFORMER
from evergrid.resilience.black_start.results.outcome import Action, BlackStart, ClosingCheck
from evergrid.studies.black_start.config import Config
from evergrid.studies.black_start.results import (
    BlackStartResults,
    Extreme,
    dark_s,
    holds_h,
    life_safety_s,
)
from evergrid.studies.black_start.sections import SectionOutcome, joined_units, own_blocks

EVERY = 10  # samples of the island from row to row of its table
PERCENT = 100
UP_TO_SPEED = 0.9  # of nominal speed, from which a motor counts as up


def headline(config: Config, found: BlackStartResults) -> dict[str, Any]:
    """Headline numbers by their key in ``summary.json``."""
    start = found.start
    site, samples = start.circuit.site, start.samples
    here = found.sections[0]
    return {
        "status": str(start.status),
        "reason": start.reason,
        "nominal_hz": site.nominal_hz,
        "duration_s": start.duration_s,
        "units": here.units,
        "units_following": len(site.batteries) - here.units,
        "units_connected": here.units_connected,
        "blocks": here.blocks,
        "blocks_on": here.blocks_on,
        "demand_kw": site.power_kw,
        "served_kw": float(found.served_kw[-1]),
        **_recovery(found),
        "m_d_kwh": float(found.degradation.energy_kwh[0]),
        "m_d_share": float(found.degradation.share[0]),
        "m_d_weighted_kwh": _weighted_kwh(start),
        **_neighbours(found),
        **_machines(start),
        "following_on": sum(one.on_at_end for one in start.followers),
        "following_kw": float(samples.follower_power_kw[-1].sum()),
        "following_kwh": sum(one.energy_kwh for one in start.followers),
        "following_trips": sum(one.trips for one in start.followers),
        **_extreme("lowest_frequency", "hz", found.lowest_frequency),
        **_extreme("lowest_voltage", "pu", found.lowest_voltage),
        **_extreme("greatest_current", "pu", found.greatest_current),
        "end_frequency_hz": _number(samples.frequency_hz[-1]),
        "droop_frequency_hz": _number(_droop_hz(start)),
        "sync_count": len(start.waits),
        "sync_longest_s": max((wait.wait_s for wait in start.waits), default=None),
        "sync_bound_s": 1.0 / config.synchronise.slip_hz,
        **_damping(start),
        **_fuse(found),
        "inrush_soft_pu": found.waveforms.soft.peak_output_pu,
        "inrush_hard_pu": None
        if found.waveforms.hard is None
        else found.waveforms.hard.peak_output_pu,
        "thd": found.waveforms.loaded.thd,
        "voltage_hard_pu": None
        if found.waveforms.hard is None
        else found.waveforms.hard.least_voltage_pu,
        "energy_kwh": float(start.energy_kwh[~_engines(start)].sum()),
        "auxiliary_kwh": float(start.auxiliary_kwh.sum()),
        # What one has below its reserve is not taken from another.
        "energy_left_kwh": float(np.maximum(start.energy_left_kwh, 0.0)[~_engines(start)].sum()),
        "holds_h": _number(holds_h(start)),
        "reconnected_s": next(
            (one.time_s for one in start.events if one.action is Action.RECONNECTED), None
        ),
    }


def _recovery(found: BlackStartResults) -> dict[str, Any]:
    keys = {}
    for kind, times in (("", found.sustained), ("first_", found.first)):
        for column, threshold in enumerate(times.threshold):
            reached = bool(times.reached[0, column])
            value = float(times.time_h[0, column]) * S_PER_H if reached else None
            keys[f"t_r_{kind}{round(PERCENT * threshold)}_s"] = value
    return keys


def _weighted_kwh(start: BlackStart) -> float:
    dark = dark_s(start) / S_PER_H * own_blocks(start)
    blocks = start.circuit.blocks
    return float(sum(one.weight * one.power_kw * h for one, h in zip(blocks, dark, strict=True)))


def _neighbours(found: BlackStartResults) -> dict[str, Any]:
    """All neighbouring sections together, and the transformer upstream; null without them."""
    others = [one for one in found.sections[1:] if not one.of_site]
    upstream = found.upstream
    last = [_last_recovery_s(one) for one in others]
    energised = [
        one.time_s
        for one in found.start.events
        if one.action is Action.ENERGISED and one.actor == UPSTREAM_TRANSFORMER
    ]
    return {
        "neighbours": len(others),
        "neighbours_joined": sum(bool(np.isfinite(one.joined_s)) for one in others),
        "neighbour_demand_kw": sum(one.demand_kw for one in others),
        "neighbour_served_kw": sum(float(one.served_kw[-1]) for one in others),
        "neighbour_m_d_kwh": sum(float(one.degradation.energy_kwh[0]) for one in others),
        "neighbour_t_r_100_s": _number(max(last, default=np.nan)),
        "upstream_energised_s": energised[0] if energised else _with_the_bus_s(found),
        "upstream_soft_pu": None if upstream is None else upstream.soft.peak_output_pu,
        "upstream_hard_pu": None if upstream is None else upstream.hard.current_pu,
        "upstream_voltage_hard_pu": None if upstream is None else upstream.hard.voltage_pu,
    }


def _last_recovery_s(section: SectionOutcome) -> float:
    """When all demand of a section is back for good; infinite where it never is."""
    times = section.recovery
    return float(times.time_h[0, -1]) * S_PER_H if times.reached[0, -1] else np.inf


def _with_the_bus_s(found: BlackStartResults) -> float | None:
    """When a transformer upstream that is started softly first had voltage."""
    upstream = found.start.circuit.feeder.upstream
    if upstream is None or upstream.energise != "soft":
        return None
    return _number(found.sections[0].live_s)


def _extreme(name: str, unit: str, found: Extreme) -> dict[str, Any]:
    return {
        f"{name}_{unit}": _number(found.value),
        f"{name}_s": _number(found.time_s),
        f"{name}_cause": found.cause,
    }


def _droop_hz(start: BlackStart) -> float:
    """Frequency at the end by the droop formula, from what the units feed."""
    samples = start.samples
    on = np.isfinite(samples.unit_frequency_hz[-1]) & (samples.unit_power_kw[-1] != 0.0)
    on &= joined_units(start)
    if not on.any() or any(one.closing == GRID for one in start.waits):
        return np.nan
    power_w = W_PER_KW * float(samples.unit_power_kw[-1][on].sum())
    stiffness = start.circuit.stiffness_w_per_hz[on]
    off_hz = closing.droop_deviation_hz(stiffness, start.trim_hz[on], power_w)
    return start.circuit.site.nominal_hz + off_hz


def _engines(start: BlackStart) -> Bool[np.ndarray, " unit"]:
    """Whether each unit that forms the grid is a diesel set."""
    return np.array([isinstance(one, DieselSource) for one in start.circuit.formers])


def _machines(start: BlackStart) -> dict[str, Any]:
    """Diesel sets, transfer switches and motors; null or 0 without them."""
    engines, samples = _engines(start), start.samples
    speed = samples.motor_speed_pu[-1]
    known = speed[np.isfinite(speed)]
    return {
        "life_safety_s": _number(life_safety_s(start)),
        "diesel_sets": int(engines.sum()),
        "diesel_started": int(np.isfinite(start.connected_s[engines]).sum()),
        "diesel_kw": round(float(samples.unit_power_kw[-1][engines].sum()), 6) + 0.0,
        "fuel_kwh": float(start.energy_kwh[engines].sum()),
        "fuel_left_kwh": float(np.maximum(start.energy_left_kwh[engines], 0.0).sum()),
        "transfers": sum(one.action is Action.TRANSFERRED for one in start.events),
        "blocks_on_emergency": len(start.on_emergency),
        "motors": len(start.circuit.motors),
        "motors_running": len(known),
        "motor_slowest_pu": float(known.min()) if len(known) else None,
    }


def least_damped(start: BlackStart) -> ClosingCheck | None:
    """The closing with the eigenvalue that decays least, or grows most."""
    known = [check for check in start.checks if len(check.eigenvalue_per_s)]
    return max(known, key=lambda check: check.worst_per_s.real, default=None)


def _damping(start: BlackStart) -> dict[str, Any]:
    worst = least_damped(start)
    value = None if worst is None else worst.worst_per_s
    return {
        "least_damping_per_s": None if value is None else -value.real,
        "least_damped_hz": None if value is None else abs(value.imag) / (2.0 * np.pi),
        "least_damped_closing": "" if worst is None else worst.closing,
        "least_damped_states": [] if worst is None else list(worst.states),
    }


def _fuse(found: BlackStartResults) -> dict[str, Any]:
    fuse = found.fuse
    return {
        "fuse_current_a": None if fuse is None else fuse.fault_current_a,
        "fuse_melting_s": None if fuse is None else _number(fuse.melting_s),
        "fuse_clears": None if fuse is None else fuse.outcome == "clears",
    }


def results(found: BlackStartResults) -> dict[str, pl.DataFrame]:
    """The tables that came out, by name."""
    start = found.start
    course = {"section_course": _section_course(start)} if len(found.sections) > 1 else {}
    if start.followers:
        course["following"] = _following(start)
    if start.circuit.motors:
        course["motors"] = _motors(start)
    return course | {
        "events": _events(start),
        "island": _island(found),
        "units": _units(start),
        "blocks": _blocks(start),
        "sections": _sections(found),
        "eigenvalues": _eigenvalues(start),
        "runbook": pl.DataFrame([vars(step) for step in found.runbook]),
    }


def _events(start: BlackStart) -> pl.DataFrame:
    rows = [
        {
            "time_s": one.time_s,
            "action": str(one.action),
            "actor": one.actor,
            "cause": one.cause,
            "frequency_before_hz": one.before.frequency_hz,
            "frequency_after_hz": one.after.frequency_hz,
            "voltage_before_pu": one.before.voltage_pu,
            "voltage_after_pu": one.after.voltage_pu,
            "power_before_kw": one.before.power_kw,
            "power_after_kw": one.after.power_kw,
        }
        for one in start.events
    ]
    return pl.DataFrame(rows).fill_nan(None)


def _island(found: BlackStartResults) -> pl.DataFrame:
    samples = found.start.samples
    frame = pl.DataFrame(
        {
            "time_s": samples.time_s,
            "frequency_hz": samples.frequency_hz,
            "voltage_pu": samples.voltage_pu,
            "load_kw": samples.block_kw[:, own_blocks(found.start)].sum(axis=1),
            "served_kw": found.served_kw,
            "current_pu": samples.unit_current_pu.max(axis=1),
        }
    )
    return frame.gather_every(EVERY).fill_nan(None)


def _units(start: BlackStart) -> pl.DataFrame:
    samples = start.samples
    return pl.DataFrame(
        {
            "unit": [unit.name for unit in start.circuit.formers],
            "section": [
                one.name
                for unit in start.circuit.formers
                for one in start.circuit.sections
                if unit.name in one.units
            ],
            "kind": np.where(_engines(start), "diesel", "battery"),
            "apparent_kva": [unit.apparent_kva for unit in start.circuit.formers],
            "connected_s": np.where(np.isfinite(start.connected_s), start.connected_s, np.nan),
            "power_kw": samples.unit_power_kw[-1],
            "reactive_kvar": samples.unit_reactive_kvar[-1],
            "greatest_current_pu": samples.unit_current_pu.max(axis=0),
            "energy_kwh": start.energy_kwh,
            "auxiliary_kwh": start.auxiliary_kwh,
            "energy_left_kwh": start.energy_left_kwh,
        }
    ).fill_nan(None)


def _blocks(start: BlackStart) -> pl.DataFrame:
    samples, dark = start.samples, dark_s(start)
    blocks = start.circuit.blocks
    first = [
        float(samples.time_s[np.argmax(on)]) if on.any() else np.nan for on in samples.connected.T
    ]
    return pl.DataFrame(
        {
            "block": [block.name for block in blocks],
            "section": [
                one.name
                for block in blocks
                for one in start.circuit.sections
                if block.name in one.blocks
            ],
            "tier": [block.tier for block in blocks],
            "power_kw": [block.power_kw for block in blocks],
            "weight": [block.weight for block in blocks],
            "on_s": first,
            "on_at_end": samples.connected[-1],
            "dark_s": dark,
            "missing_kwh": dark / S_PER_H * np.array([block.power_kw for block in blocks]),
        }
    ).fill_nan(None)


def _sections(found: BlackStartResults) -> pl.DataFrame:
    rows: list[dict[str, Any]] = []
    for one in found.sections:
        reached, hours = one.recovery.reached[0], one.recovery.time_h[0]
        times = {
            f"t_r_{round(PERCENT * share)}_s": float(hours[i]) * S_PER_H if reached[i] else None
            for i, share in enumerate(one.recovery.threshold)
        }
        rows.append(
            {
                "section": one.name,
                "units": one.units,
                "units_connected": one.units_connected,
                "blocks": one.blocks,
                "blocks_on": one.blocks_on,
                "demand_kw": one.demand_kw,
                "served_kw": float(one.served_kw[-1]),
                **times,
                "m_d_kwh": float(one.degradation.energy_kwh[0]),
                "m_d_share": float(one.degradation.share[0]),
                "live_s": _number(one.live_s),
                "joined_s": _number(one.joined_s),
            }
        )
    numbers = {name: pl.Float64 for name in rows[0] if name.endswith("_s")}
    return pl.DataFrame(rows, schema_overrides=numbers)


def _following(start: BlackStart) -> pl.DataFrame:
    rows = [
        {
            "unit": one.unit,
            "section": one.section,
            "on_at_end": one.on_at_end,
            "entered_s": _number(one.entered_s),
            "tripped_s": _number(one.tripped_s),
            "trips": one.trips,
            "power_kw": float(power_kw),
            "energy_kwh": one.energy_kwh,
            "reason": one.reason,
        }
        for one, power_kw in zip(start.followers, start.samples.follower_power_kw[-1], strict=True)
    ]
    return pl.DataFrame(rows, schema_overrides={"entered_s": pl.Float64, "tripped_s": pl.Float64})


def _motors(start: BlackStart) -> pl.DataFrame:
    samples = start.samples
    rows: list[dict[str, Any]] = []
    for one, speed in zip(start.circuit.motors, samples.motor_speed_pu.T, strict=True):
        live, up = np.isfinite(speed), np.nan_to_num(speed) >= UP_TO_SPEED
        first = float(samples.time_s[np.argmax(live)]) if live.any() else np.nan
        rows.append(
            {
                "block": one.block,
                "power_kw": one.power_kw,
                "rating_kva": one.motor.rating_va / W_PER_KW,
                "first_s": first,
                "run_up_s": float(samples.time_s[np.argmax(up)]) - first if up.any() else np.nan,
                "speed_pu": float(speed[-1]),
            }
        )
    return pl.DataFrame(rows).fill_nan(None)


def _section_course(start: BlackStart) -> pl.DataFrame:
    samples, sections = start.samples, start.circuit.sections
    time_s = samples.time_s[::EVERY]
    return pl.DataFrame(
        {
            "time_s": np.repeat(time_s, len(sections)),
            "section": [one.name for _ in time_s for one in sections],
            "frequency_hz": samples.section_frequency_hz[::EVERY].ravel(),
            "voltage_pu": samples.section_voltage_pu[::EVERY].ravel(),
        }
    ).fill_nan(None)


def _eigenvalues(start: BlackStart) -> pl.DataFrame:
    known = [check for check in start.checks if len(check.eigenvalue_per_s)]
    values = [check.eigenvalue_per_s for check in known]
    counts = [len(one) for one in values]
    joined = np.concatenate([*values, np.zeros(0, complex)])
    return pl.DataFrame(
        {
            "time_s": np.repeat([check.time_s for check in known], counts),
            "closing": [check.closing for check in known for _ in check.eigenvalue_per_s],
            "allowed": [check.allowed for check in known for _ in check.eigenvalue_per_s],
            "real_per_s": np.real(joined),
            "imag_per_s": np.imag(joined),
        }
    )


def inputs(found: BlackStartResults) -> dict[str, pl.DataFrame]:
    """The canonical tables that were used, by name."""
    site, neighbours = found.start.circuit.site, found.start.circuit.feeder.neighbours
    batteries = [unit for one in (site, *neighbours) for unit in one.batteries]
    blocks = [block for one in (site, *neighbours) for block in one.load_blocks]
    frames = {
        "units": pl.DataFrame([vars(unit) for unit in batteries]),
        "load_blocks": pl.DataFrame([vars(block) for block in blocks]),
    }
    if site.diesel_sets:
        frames["diesel_sets"] = pl.DataFrame([vars(one) for one in site.diesel_sets])
    named = {name: frame.rename({"name": name[:-1]}) for name, frame in frames.items()}
    return named if site.section is None else named | {"section": section_table(site.section)}


def _number(value: float) -> float | None:
    """The value; None where there is none."""
    return float(value) if np.isfinite(value) else None
