"""Which rows of a session source can be believed, by rules that every session reader shares."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Shaped
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.text.printable import printable
from evergrid.data import meta
from evergrid.data.files.frames import Column
from evergrid.data.quality import Quality, Rule, account, rejected
from evergrid.data.sessions.assumptions import (
    MAX_CAPACITY_KWH,
    Assumptions,
    FilledSessions,
    PlugIns,
    fill,
)
from evergrid.model.session import Sessions

PLACES = 3  # sites that a title names
MAX_STAY_H = 48.0  # longer stays are mostly chargers that missed the plug-out
MIN_STAY_H = 1 / 60  # shorter ones are failed starts
MAX_ENERGY_KWH = 200.0  # more than any car battery takes

# The rules by name, so that reports and tests speak of the same thing.
UNREADABLE = "a needed value is missing or cannot be read"
OPEN = "open: no end or no energy"
BACKWARDS = "end is not after start"
SHORT = "shorter than 1 min"
NO_ENERGY = "energy is not above 0"
TOO_LARGE = f"battery above {MAX_CAPACITY_KWH:g} kWh, more than any car has"
TOO_MUCH = f"energy above {MAX_ENERGY_KWH:g} kWh, more than any car battery"
DUPLICATE = "session id repeats an earlier row"
OVERLAP = "begins before the previous session at the same asset ended"
CLOCK = "clock change: skipped or repeated local time"
CAPACITY = "capacity raised to hold the metered energy"
RATING = "charger rating raised to deliver the metered energy in the stay"


def too_fast(greatest_kw: float) -> str:
    """The rule on power, by name."""
    return f"energy or rating asks for more than {greatest_kw:g} kW, which no charger here has"


def too_long(max_stay_h: float | None) -> str:
    """The rule on long stays, by name."""
    return f"longer than {MAX_STAY_H if max_stay_h is None else max_stay_h:g} h"


@dataclass(frozen=True)
class Raw:
    """Rows of a source before screening.

    Attributes:
        plugins: The rows in the model's units and UTC, faults and all.
        stay_h: Length of stay on the source's own clock, which the rules on order and length
            judge; NaN where there is no end.
        unreadable: A cell holds something that is no value of its kind, or an id is missing.
        open: No end or no energy.
        greatest_kw: Most power that a charger of the source has, AC.
        stamp_h: Resolution of the stamps, by which a stay may be longer than it seems.
        longest_h: Stays above this are rejected; None keeps them and only counts.
        rules: What the reader itself has found.
    """

    plugins: PlugIns
    stay_h: Float[Array, " row"]
    unreadable: Bool[Array, " row"]
    open: Bool[Array, " row"]
    greatest_kw: float
    stamp_h: float = 0.0
    longest_h: float | None = MAX_STAY_H
    rules: tuple[Rule, ...] = ()


def sessions(source: str, raw: Raw, assumed: Assumptions) -> tuple[Sessions, Quality]:
    """The sessions of the rows that pass every rule, and the account of all rows.

    Raises:
        InputError: No row passes.
    """
    rules = [*row_rules(raw), *raw.rules]
    rows = len(raw.plugins)
    duplicate = repeats(raw.plugins.session_id, ~rejected(rules, rows))
    rules.append(Rule(DUPLICATE, "rejected", duplicate, raw.plugins.session_id))
    late = overlaps(raw.plugins, ~rejected(rules, rows))
    rules.append(Rule(OVERLAP, "rejected", late, raw.plugins.arrival_utc))
    keep = ~rejected(rules, rows)
    if not keep.any():
        raise InputError(source, [_nothing_left(account(source, rules, rows))])
    filled = fill(raw.plugins.select(keep), assumed)
    return filled.sessions, account(source, [*rules, *_fill_rules(filled, raw.plugins, keep)], rows)


def row_rules(raw: Raw) -> list[Rule]:
    """The rules that look at one row alone."""
    plugins, energy_kwh = raw.plugins, raw.plugins.delivered_kwh
    limit_h = MAX_STAY_H if raw.longest_h is None else raw.longest_h
    backwards = raw.stay_h <= 0
    short = (plugins.stay_h < MIN_STAY_H) & ~backwards
    nan = np.full(len(plugins), np.nan)
    # A stay or an energy that is wrong by itself says nothing about power.
    sound = (plugins.stay_h >= MIN_STAY_H) & (energy_kwh <= MAX_ENERGY_KWH)
    mean_kw = energy_kwh / np.where(sound, plugins.stay_h + raw.stamp_h, np.nan)
    rating_kw = np.fmax(mean_kw, nan if plugins.charge_kw is None else plugins.charge_kw)
    capacity_kwh = nan if plugins.capacity_kwh is None else plugins.capacity_kwh
    long_action = "kept" if raw.longest_h is None else "rejected"
    return [
        Rule(UNREADABLE, "rejected", raw.unreadable, plugins.session_id),
        Rule(OPEN, "rejected", raw.open, plugins.session_id),
        Rule(BACKWARDS, "rejected", backwards, plugins.departure_utc),
        Rule(SHORT, "rejected", short, plugins.stay_h),
        Rule(too_long(raw.longest_h), long_action, raw.stay_h > limit_h, raw.stay_h),
        Rule(NO_ENERGY, "rejected", energy_kwh <= 0, energy_kwh),
        Rule(TOO_MUCH, "rejected", energy_kwh > MAX_ENERGY_KWH, energy_kwh),
        Rule(too_fast(raw.greatest_kw), "rejected", rating_kw > raw.greatest_kw, rating_kw),
        Rule(TOO_LARGE, "rejected", capacity_kwh > MAX_CAPACITY_KWH, capacity_kwh),
    ]


def repeats(ids: Shaped[Array, " row"], considered: Bool[Array, " row"]) -> Bool[Array, " row"]:
    """The considered rows whose name an earlier considered row has."""
    marked = np.zeros(len(ids), bool)
    (rows,) = np.nonzero(considered)
    _, first = np.unique(ids[rows], return_index=True)
    marked[np.delete(rows, first)] = True
    return marked


def overlaps(plugins: PlugIns, considered: Bool[Array, " row"]) -> Bool[Array, " row"]:
    """The considered rows that begin before the last accepted session at their asset ended."""
    marked = np.zeros(len(plugins), bool)
    until: dict[str, int] = {}
    arrival = plugins.arrival_utc.astype(np.int64).tolist()
    departure = plugins.departure_utc.astype(np.int64).tolist()
    asset = plugins.asset_id.tolist()
    order = np.argsort(plugins.arrival_utc, kind="stable")
    for row in order[considered[order]].tolist():
        if arrival[row] < until.get(asset[row], arrival[row]):
            marked[row] = True
        else:
            until[asset[row]] = departure[row]
    return marked


def ports(plugins: PlugIns, considered: Bool[Array, " row"], count: int) -> PlugIns:
    """The plug-ins with each asset split into ports, for sources that name only the station.

    A session takes the first port that is free; when all are taken it stays on the last, where
    the rule on overlaps finds it.
    """
    names = plugins.asset_id.copy()
    until: dict[str, list[int]] = {}
    arrival = plugins.arrival_utc.astype(np.int64).tolist()
    departure = plugins.departure_utc.astype(np.int64).tolist()
    order = np.argsort(plugins.arrival_utc, kind="stable")
    for row in order[considered[order]].tolist():
        station = str(names[row])
        ends = until.setdefault(station, [arrival[row]] * count)
        port = next((i for i, end in enumerate(ends) if end <= arrival[row]), count - 1)
        ends[port] = max(ends[port], departure[row])
        names[row] = f"{station}/{port + 1}"
    return replace(plugins, asset_id=names)


def with_ports(raw: Raw, count: int) -> Raw:
    """The rows with each station split into its ports, looking at believable rows only."""
    considered = ~rejected([*row_rules(raw), *raw.rules], len(raw.plugins))
    return replace(raw, plugins=ports(raw.plugins, considered, count))


def unreadable(
    table: Mapping[str, Column], *, ends: Sequence[str], optional: Sequence[str]
) -> Bool[Array, " row"]:
    """Rows that cannot be read: a wrong kind of value in any column, or an empty needed one.

    Args:
        table: The columns of the source.
        ends: Columns that are empty while a session is open.
        optional: Columns the reader can do without.
    """
    marks = [
        column.unreadable if name in (*ends, *optional) else column.bad
        for name, column in table.items()
    ]
    return np.logical_or.reduce(marks)


def joined(*parts: Shaped[Array, " row"]) -> Shaped[Array, " row"]:
    """Names made of parts, such as charge point and connector, with a slash between."""
    return np.array(["/".join(row) for row in zip(*parts, strict=True)], dtype=object)


def period(made: Sessions) -> str:
    """First and last day of the sessions, and long holes between."""
    return meta.period(made.arrival_utc, made.departure_utc)


def title(made: Sessions, source: str, path: Path) -> str:
    """What was read, with the sites of the sessions by name, or how many where they are many."""
    names = sorted(set(made.site_id.tolist()))
    listed = " and ".join(printable(name) for name in names)
    where = listed if len(names) <= PLACES else f"{len(names):,} sites"
    return meta.title(f"Charging sessions at {where}", source, path, period(made))


def stated(assumed: Assumptions, **notes: str) -> dict[str, str | float]:
    """The assumptions by name, and what the reader says about its source."""
    return {**assumed.model_dump(), **notes}


def _fill_rules(filled: FilledSessions, plugins: PlugIns, keep: Bool[Array, " row"]) -> list[Rule]:
    def on_all_rows(marked: Bool[Array, " session"]) -> Bool[Array, " row"]:
        rows = np.zeros(len(keep), bool)
        rows[keep] = marked
        return rows

    capacity = on_all_rows(filled.capacity_raised)
    rating = on_all_rows(filled.rating_raised)
    return [
        Rule(CAPACITY, "repaired", capacity, plugins.delivered_kwh),
        Rule(RATING, "repaired", rating, plugins.delivered_kwh),
    ]


def _nothing_left(quality: Quality) -> Fault:
    found: Sequence[str] = [str(f).strip() for f in quality.findings if f.count]
    fix = "Check that the file is of this format."
    return Fault("rows", "include at least one that passes every rule", got=tuple(found), fix=fix)
