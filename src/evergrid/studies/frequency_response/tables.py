"""The summary and the tables of a frequency response study."""

from typing import Any

import numpy as np
import polars as pl

from evergrid.core.arrays import Array, Float
from evergrid.data import tables
from evergrid.markets.signal_statistics import statistics, worst_excursion_mwh
from evergrid.resilience.frequency import stability
from evergrid.resilience.frequency.parked import parts_kw
from evergrid.resilience.frequency.playback import CAUSES
from evergrid.studies.frequency_response.config import Config
from evergrid.studies.frequency_response.results import (
    CASES,
    WITH,
    WITHOUT,
    EventResults,
    FrequencyResults,
    RecordResults,
)

LIMITED_H = 0.25  # block of the worst excursion of energy


def headline(config: Config, found: FrequencyResults) -> dict[str, Any]:
    """What is computed, by its key in ``summary.json``."""
    if isinstance(found, EventResults):
        return _event(config, found)
    return _record(config, found)


def _event(config: Config, found: EventResults) -> dict[str, Any]:
    area, went, needs = found.area, found.trajectories, found.needs
    award, loss = found.fleet.award_mw, found.disturbance.loss_mw
    each = config.event.vehicles_each
    found_by_case: dict[str, Any] = {}
    for name, values in (
        ("nadir_hz", went.nadir_hz),
        ("nadir_s", went.nadir_s),
        ("rocof_hz_per_s", went.rocof_hz_per_s),
        ("settled_hz", went.settled_hz),
        ("shed_mw", np.nanmax(went.shed_mw, axis=1)),
        ("disconnected_s", went.disconnected_s),
    ):
        stem, _, unit = name.partition("_")
        found_by_case[name] = _number(values[WITH])
        found_by_case[f"{stem}_without_{unit}"] = _number(values[WITHOUT])
    return {
        "status": "done",
        "mode": "event",
        "product": config.response.product,
        "nominal_hz": area.nominal_hz,
        "loss_mw": loss,
        "kinetic_energy_mws": area.kinetic_energy_mws,
        "initial_rocof_hz_per_s": stability.initial_rocof_hz_per_s(area, loss),
        "rocof_window_s": found.disturbance.rocof_window_s,
        **found_by_case,
        "settled": bool(went.still[WITH]),
        "settled_without_limits_hz": area.nominal_hz
        + stability.settled_deviation_hz(area, loss, found.fleet_mw_per_hz),
        "vehicles": round(each * len(found.vehicles)),
        "headroom_up_mw": found.headroom_mw[0],
        "headroom_down_mw": found.headroom_mw[1],
        "award_mw": award,
        "fleet_most_mw": _number(went.fleet_most_mw[WITH]),
        "fleet_energy_mwh": _number(went.fleet_energy_mwh[WITH]),
        "loop_delay_s": found.fleet.control.loop_delay_s,
        "delay_margin_s": _number(found.delay_margin_s),
        "limit_hz": config.event.limit_hz,
        "limit_kept": _kept(found, WITH, config.event.limit_hz),
        "limit_kept_without": _kept(found, WITHOUT, config.event.limit_hz),
        "least_fleet_mw": needs.fleet_mw,
        "least_inertia_s": needs.inertia_s[WITH],
        "least_inertia_without_s": needs.inertia_s[WITHOUT],
        "kinetic_energy_saved_mws_per_mw": _saved(needs.inertia_s, award, area.base_mw),
        "least_reserve_mw": needs.reserve_mw[WITH],
        "least_reserve_without_mw": needs.reserve_mw[WITHOUT],
        "reserve_saved_mw_per_mw": _saved(needs.reserve_mw, award, 1.0),
        "step_error_hz": found.step_error_hz,
    }


def _kept(found: EventResults, case: int, limit_hz: float) -> bool:
    went = found.trajectories
    return bool(went.nadir_hz[case] >= limit_hz and np.isnan(went.disconnected_s[case]))


def _saved(needs: tuple[float | None, float | None], award_mw: float, unit: float) -> float | None:
    """What the fleet saves for each MW of its award."""
    without, with_fleet = needs
    if without is None or with_fleet is None:
        return None
    return unit * (without - with_fleet) / award_mw


def _record(config: Config, found: RecordResults) -> dict[str, Any]:
    played, record = found.playback, found.playback.record
    asked = statistics(played.share, record.tick_s)
    hours = len(record) * record.tick_s / 3600.0
    cut = played.cut_s > 0
    energy = {
        f"missing_{cause}_mwh": float(missing.sum()) * record.tick_s / 3.6e6
        for cause, missing in zip(CAUSES, played.missing_kw, strict=True)
    }
    known = record.frequency_hz[np.isfinite(record.frequency_hz)]
    return {
        "status": "done",
        "mode": "record",
        "product": config.response.product,
        "nominal_hz": record.nominal_hz,
        "start_utc": _stamp(record.times[0]),
        "end_utc": _stamp(record.times[-1]),
        "ended": played.ended,
        "readings": found.readings,
        "readings_played": len(record),
        "readings_dead": found.dead,
        "dead_utc": None if found.dead_utc is None else _stamp(found.dead_utc),
        "gaps": found.gaps,
        "lowest_hz": float(known.min()),
        "highest_hz": float(known.max()),
        "share_mean_abs": asked.mean_abs,
        "share_rms": asked.rms,
        "share_most": float(np.abs(played.share).max()),
        "share_last": float(played.share[-1]),
        "share_net_h": asked.net_mwh,
        "worst_excursion_h": worst_excursion_mwh(played.share, record.tick_s, LIMITED_H),
        "vehicles_most": int(played.plugged.max()),
        "award_mean_mw": float(played.award_kw.mean()) / 1000.0,
        "energy_due_mwh": float(played.energy_due_mwh[-1]),
        "energy_delivered_mwh": float(played.energy_delivered_mwh[-1]),
        "fed_mwh": float(played.fed_kwh.sum()) / 1000.0,
        "taken_mwh": float(played.taken_kwh.sum()) / 1000.0,
        **energy,
        "mean_error": _error(played.due_kw, played.delivered_kw, played.award_kw),
        "vehicles_cut": int(cut.sum()),
        "cut_mean_s": float(played.cut_s[cut].mean()) if cut.any() else 0.0,
        "shortfall_kwh": float(played.shortfall_kwh.sum()),
        "hours": hours,
    }


def _error(
    due_kw: Float[Array, " tick"], got_kw: Float[Array, " tick"], award_kw: Float[Array, " tick"]
) -> float | None:
    """Mean distance of what is delivered from what is due, over the mean award."""
    mean = float(award_kw.mean())
    return float(np.abs(due_kw - got_kw).mean()) / mean if mean > 0 else None


def inputs(found: FrequencyResults) -> dict[str, pl.DataFrame]:
    """The canonical tables that were used, by name."""
    frames = {"sessions": tables.sessions_frame(found.sessions)}
    if isinstance(found, RecordResults):
        record = found.playback.record
        frames["record"] = _frame(
            {"time_utc": _times(record.times), "frequency_hz": record.frequency_hz}
        )
    return frames


def results(config: Config, found: FrequencyResults) -> dict[str, pl.DataFrame]:
    """The tables that came out, by name."""
    if isinstance(found, RecordResults):
        return {"ticks": _ticks(found), "vehicles": _vehicles(found)}
    return {
        "frequency": _frequency(found),
        "sweep": _sweep(config, found),
        "sizes": _sizes(found),
        "parked": _parked(found),
    }


def _frequency(found: EventResults) -> pl.DataFrame:
    went = found.trajectories
    samples = len(went.time_s)
    return _frame(
        {
            "case": np.repeat(np.array(CASES), samples),
            "time_s": np.tile(went.time_s, len(CASES)),
            "frequency_hz": went.frequency_hz.ravel(),
            "governor_mw": went.governor_mw.ravel(),
            "fleet_mw": went.fleet_mw.ravel(),
            "shed_mw": went.shed_mw.ravel(),
        }
    )


def _sweep(config: Config, found: EventResults) -> pl.DataFrame:
    inertia = np.array(config.sweep.inertia_s)
    went = found.swept
    return _frame(
        {
            "inertia_s": np.tile(inertia, len(found.sweep)),
            "award_mw": np.repeat(found.sweep, len(inertia)),
            "nadir_hz": went.nadir_hz,
            "nadir_s": went.nadir_s,
            "rocof_hz_per_s": went.rocof_hz_per_s,
            "settled_hz": went.settled_hz,
            "shed_mw": np.nanmax(went.shed_mw, axis=1),
            "disconnected_s": went.disconnected_s,
            "stable": found.swept_stable,
        }
    )


def _sizes(found: EventResults) -> pl.DataFrame:
    went = found.sized
    return _frame(
        {
            "award_mw": found.sizes_mw,
            "nadir_hz": went.nadir_hz,
            "rocof_hz_per_s": went.rocof_hz_per_s,
            "settled_hz": went.settled_hz,
            "shed_mw": np.nanmax(went.shed_mw, axis=1),
            "stable": found.sized_stable,
        }
    )


def _parked(found: EventResults) -> pl.DataFrame:
    vehicles = found.vehicles
    here = found.sessions.select(vehicles.row)
    share = found.fleet.award_mw / found.headroom_mw[0] if found.headroom_mw[0] else 0.0
    up, _ = parts_kw(vehicles, share * vehicles.most_mw(up=True, down=False))
    return _frame(
        {
            "asset_id": here.asset_id.astype(str),
            "base_kw": vehicles.base_kw,
            "energy_kwh": vehicles.energy_kwh,
            "up_kw": vehicles.up_kw,
            "down_kw": vehicles.down_kw,
            "award_up_kw": up,
        }
    )


def _ticks(found: RecordResults) -> pl.DataFrame:
    played = found.playback
    missing = {
        f"missing_{cause}_kw": values
        for cause, values in zip(CAUSES, played.missing_kw, strict=True)
    }
    return _frame(
        {
            "time_utc": _times(played.record.times),
            "frequency_hz": played.record.frequency_hz,
            "share": played.share,
            "award_kw": played.award_kw,
            "due_kw": played.due_kw,
            "delivered_kw": played.delivered_kw,
            "base_kw": played.base_kw,
            **missing,
            "plugged": played.plugged,
            "energy_due_mwh": played.energy_due_mwh,
            "energy_delivered_mwh": played.energy_delivered_mwh,
        }
    )


def _vehicles(found: RecordResults) -> pl.DataFrame:
    played, record = found.playback, found.playback.record
    sessions = found.sessions
    there = (sessions.arrival_utc <= record.times[-1]) & (sessions.departure_utc > record.times[0])
    frame = _frame(
        {
            "session_id": sessions.session_id.astype(str),
            "asset_id": sessions.asset_id.astype(str),
            "arrival_utc": _times(sessions.arrival_utc),
            "departure_utc": _times(sessions.departure_utc),
            "award_up_kw": played.up_kw,
            "award_down_kw": played.down_kw,
            "fed_kwh": played.fed_kwh,
            "taken_kwh": played.taken_kwh,
            "cut_s": played.cut_s,
            "cut_kwh": played.cut_kwh,
            "energy_kwh": played.energy_kwh,
            "shortfall_kwh": played.shortfall_kwh,
        }
    )
    return frame.filter(pl.Series(there))


def _times(values: Array) -> pl.Series:
    return pl.Series(values.astype("datetime64[us]")).dt.replace_time_zone("UTC")


def _stamp(value: np.datetime64) -> str:
    return f"{np.datetime_as_string(value, unit='s')}Z"


def _frame(columns: dict[str, Any]) -> pl.DataFrame:
    """A table in which NaN, what is not known, is null."""
    return pl.DataFrame(columns).fill_nan(None)


def _number(value: float) -> float | None:
    """The value; None where there is none."""
    return float(value) if np.isfinite(value) else None
