"""How a public file lays out charging sessions, as a declaration, and the reader of all of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from evergrid.core.arrays import Array, Float, Shaped
from evergrid.data.files.frames import Column, Kind, source_columns
from evergrid.data.meta import Meta, licence
from evergrid.data.quality import Rule
from evergrid.data.sessions import clock, screen
from evergrid.data.sessions.assumptions import DEFAULTS, Assumptions, PlugIns
from evergrid.model.session import Sessions

Table = Mapping[str, Column]
UTC = "UTC"


def nothing_measured(_: Table) -> dict[str, Float[Array, " row"]]:
    """No battery, charger or state of charge is recorded."""
    return {}


def no_rules(_table: Table, _raw: screen.Raw) -> tuple[Rule, ...]:
    """No rules beside those of all formats."""
    return ()


@dataclass(frozen=True)
class SessionFormat:
    """Which columns tell what, on which clock, and what is special about a source.

    Attributes:
        name: Of the format, as in a configuration; the site of rows that name none.
        columns: Every column that is read, and what its cells must be.
        session: Column of names of sessions.
        asset: Columns that name the vehicle or plug together.
        arrival: Column of the plug-in.
        departure: Column of the plug-out; empty while a session is open.
        energy: Column of the energy drawn, kWh; empty while a session is open.
        greatest_kw: Most power that a charger of the source has, AC.
        licence_class: Of the set as published: a letter of `meta.LICENCE_CLASSES`.
        licence: Its licence there, in words.
        origin: Who publishes it.
        site: Column of names of sites; None where there is one site.
        optional: Columns whose cells may be empty.
        zone: IANA zone of the wall clock that stamps the rows, or "UTC".
        duration: Column of published lengths of stay, and how many of its units make an hour.
        stamp_h: Resolution of the stamps.
        ports: Plugs of each station, where only the station is named; 0 where plugs are.
        measured: What else the rows tell, as columns of `PlugIns`.
        rules: What is wrong with rows of this source alone.
        notes: What a summary says was assumed, by key.
    """

    name: str
    columns: Mapping[str, Kind]
    session: str
    asset: tuple[str, ...]
    arrival: str
    departure: str
    energy: str
    greatest_kw: float
    licence_class: str
    licence: str
    origin: str
    site: str | None = None
    optional: tuple[str, ...] = ()
    zone: str = UTC
    duration: tuple[str, float] | None = None
    stamp_h: float = 0.0
    ports: int = 0
    measured: Callable[[Table], dict[str, Float[Array, " row"]]] = nothing_measured
    rules: Callable[[Table, screen.Raw], tuple[Rule, ...]] = no_rules
    notes: Mapping[str, str] = field(default_factory=dict)

    def read(
        self,
        path: Path,
        assumptions: Assumptions = DEFAULTS,
        *,
        max_stay_h: float | None = screen.MAX_STAY_H,
    ) -> tuple[Sessions, Meta]:
        """Sessions of a file of this format, and what is known about them.

        Order and length of stay are judged on the clock that stamps the rows.

        Args:
            path: Parquet or CSV with the columns that the format names.
            assumptions: Battery, charger and states of charge, where the source is silent.
            max_stay_h: Longer stays are rejected; None keeps them.

        Raises:
            InputError: Missing or wrongly typed columns, or no usable row.
        """
        table = source_columns(path, self.columns, source=self.name)
        raw = self._raw(table, max_stay_h)
        sessions, quality = screen.sessions(self.name, raw, assumptions)
        return sessions, Meta(
            source=self.name,
            title=screen.title(sessions, self.name, path),
            period=screen.period(sessions),
            licence=licence(path, self.licence_class, self.licence),
            origin=self.origin,
            currency=None,
            time_zone=self.zone,
            quality=quality,
            assumptions=screen.stated(assumptions, **self.notes),
        )

    def _raw(self, table: Table, max_stay_h: float | None) -> screen.Raw:
        start, end = table[self.arrival].values, table[self.departure].values
        arrival, departure, clock_rules = start, end, ()
        if self.zone != UTC:
            arrival, departure, touched = clock.stays(start, end, self.zone, self._told_h(table))
            clock_rules = (Rule(screen.CLOCK, "repaired", touched, start),)
        own = {
            "session_id": table[self.session].values,
            "asset_id": self._assets(table),
            "site_id": self._sites(table),
            "arrival_utc": arrival,
            "departure_utc": departure,
            "delivered_kwh": table[self.energy].values,
        }
        ends = (self.departure, self.energy)
        raw = screen.Raw(
            plugins=PlugIns(**{**own, **self.measured(table)}),
            stay_h=(end - start) / clock.HOUR,
            unreadable=screen.unreadable(table, ends=ends, optional=self.optional),
            open=table[self.departure].missing | table[self.energy].missing,
            greatest_kw=self.greatest_kw,
            stamp_h=self.stamp_h,
            longest_h=max_stay_h,
        )
        raw = replace(raw, rules=(*self.rules(table, raw), *clock_rules))
        return screen.with_ports(raw, self.ports) if self.ports else raw

    def _told_h(self, table: Table) -> Float[Array, " row"] | None:
        if self.duration is None:
            return None
        column, per_hour = self.duration
        return table[column].values / per_hour

    def _assets(self, table: Table) -> Shaped[Array, " row"]:
        parts = [table[column].values for column in self.asset]
        return parts[0] if len(parts) == 1 else screen.joined(*parts)

    def _sites(self, table: Table) -> Shaped[Array, " row"]:
        if self.site is None:
            return np.full(len(table[self.session].values), self.name, dtype=object)
        site = table[self.site].values.copy()
        site[table[self.site].missing] = self.name
        return site
