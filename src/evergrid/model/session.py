"""A plug-in: who is connected where and when, with what energy, and what is owed at the end."""

from dataclasses import dataclass, field, fields, replace

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Float, Int, Shaped
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, between, broken, unique

ROUNDING = 1e-9  # share of the capacity by which an energy above it is one that was rounded
LARGEST = 1e9  # kW, kWh or money for wear; more is no battery, and costs every digit of the rest


@dataclass(frozen=True)
class Sessions:
    """Plug-in sessions, one row each; a battery that never leaves is a session of the horizon.

    Powers are AC, at the plug. Energies are in the cells. Efficiencies are one way, between
    cells and plug.

    Attributes:
        session_id: Unique name of the session.
        asset_id: The vehicle or battery; its sessions must not overlap.
        site_id: Where it is plugged in.
        arrival_utc: Start of the connection.
        departure_utc: End of the connection.
        capacity_kwh: Usable energy of the cells.
        energy_arrival_kwh: Energy in the cells on arrival.
        energy_departure_kwh: Least energy owed at departure.
        energy_reserve_kwh: Energy that discharging must leave in the cells at all times.
        max_charge_kw: Rating of the connection for charging.
        max_discharge_kw: Rating for discharging; 0 for a connection that is not V2G.
        efficiency_charge: Energy into the cells per energy drawn at the plug.
        efficiency_discharge: Energy fed at the plug per energy out of the cells.
        wear_cost_per_kwh: Cost of battery wear per kWh fed into the grid, at the plug.
        wear_rise_per_kwh_per_kw: By how much that cost rises for every kW that is fed; 0 for all
            sessions when left out.
        calendar_wear_per_kwh_h: Cost of battery wear by time per kWh held in the cells and hour: of
            full cells beside empty ones; 0 for all sessions when left out.
        charger_id: The charger that it is plugged into, where that is told; "" for all sessions
            when left out.
        phases: Of the vehicle, 1 or 3; 0 where that is not told, as for all when left out.

    Raises:
        InputError: Rows that break rules; every fault is listed.
    """

    session_id: Shaped[Array, " session"]
    asset_id: Shaped[Array, " session"]
    site_id: Shaped[Array, " session"]
    arrival_utc: Shaped[Array, " session"]
    departure_utc: Shaped[Array, " session"]
    capacity_kwh: Float[Array, " session"]
    energy_arrival_kwh: Float[Array, " session"]
    energy_departure_kwh: Float[Array, " session"]
    energy_reserve_kwh: Float[Array, " session"]
    max_charge_kw: Float[Array, " session"]
    max_discharge_kw: Float[Array, " session"]
    efficiency_charge: Float[Array, " session"]
    efficiency_discharge: Float[Array, " session"]
    wear_cost_per_kwh: Float[Array, " session"]
    wear_rise_per_kwh_per_kw: Float[Array, " session"] = field(default_factory=lambda: np.zeros(0))
    calendar_wear_per_kwh_h: Float[Array, " session"] = field(default_factory=lambda: np.zeros(0))
    charger_id: Shaped[Array, " session"] = field(default_factory=lambda: np.zeros(0, object))
    phases: Int[Array, " session"] = field(default_factory=lambda: np.zeros(0, np.int64))

    def __post_init__(self) -> None:
        for name in ("wear_rise_per_kwh_per_kw", "calendar_wear_per_kwh_h"):
            if not np.size(getattr(self, name)):
                object.__setattr__(self, name, np.zeros(len(self)))
        if not np.size(self.charger_id):
            object.__setattr__(self, "charger_id", np.full(len(self), "", dtype=object))
        if not np.size(self.phases):
            object.__setattr__(self, "phases", np.zeros(len(self), np.int64))
        records.check(self, "sessions")
        raise_if_any("sessions", self._faults())
        self._round_to_capacity()

    def __len__(self) -> int:
        return len(self.session_id)

    @property
    def stay_h(self) -> Float[Array, " session"]:
        """Time from arrival to departure."""
        return (self.departure_utc - self.arrival_utc) / np.timedelta64(1, "h")

    @property
    def can_discharge(self) -> Shaped[Array, " session"]:
        """Whether the connection is V2G."""
        return self.max_discharge_kw > 0

    def select(self, rows: Shaped[Array, "..."]) -> "Sessions":
        """The sessions of these rows, given as indices or as a mask."""
        if rows.dtype == bool and len(rows) == len(self) and rows.all():
            return self
        return Sessions(**{name: values[rows] for name, values in self.columns().items()})

    def without_discharge(self) -> "Sessions":
        """The same sessions on chargers that cannot discharge."""
        return replace(self, max_discharge_kw=np.zeros(len(self)))

    def columns(self) -> dict[str, Shaped[Array, " session"]]:
        """Every column by its name in the sessions table."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def _faults(self) -> list[Fault]:
        ids = self.session_id
        faults = unique("session_id", ids, fix="Give each session a name of its own.")
        faults += broken(
            "departure_utc",
            self.departure_utc > self.arrival_utc,
            "be after arrival_utc",
            values=self.departure_utc,
            ids=ids,
            fix="Swap the two or remove the row.",
        )
        positive = f"be above 0 and at most {LARGEST:g} kWh"
        full = "be in [0, capacity_kwh]"
        power = f"be at least 0 and at most {LARGEST:g} kW"
        price = f"be at least 0 and at most {LARGEST:g}"
        share = "be in (0, 1]"
        tiny = np.finfo(float).tiny
        percent = "Give a fraction, not a percentage."
        rise = "Give 0 where wear costs the same at any power."
        sign = "Ratings carry no sign; max_discharge_kw = 0 means not V2G."
        capacity = np.nan_to_num(np.maximum(self.capacity_kwh, 0.0), posinf=np.inf)
        capacity *= 1 + ROUNDING
        for name, low, high, rule, fix in (
            ("capacity_kwh", tiny, LARGEST, positive, ""),
            ("energy_arrival_kwh", 0.0, capacity, full, ""),
            ("energy_departure_kwh", 0.0, capacity, full, ""),
            ("energy_reserve_kwh", 0.0, capacity, full, ""),
            ("max_charge_kw", 0.0, LARGEST, power, sign),
            ("max_discharge_kw", 0.0, LARGEST, power, sign),
            ("efficiency_charge", tiny, 1.0, share, percent),
            ("efficiency_discharge", tiny, 1.0, share, percent),
            ("wear_cost_per_kwh", 0.0, LARGEST, price, ""),
            ("wear_rise_per_kwh_per_kw", 0.0, LARGEST, price, rise),
            ("calendar_wear_per_kwh_h", 0.0, LARGEST, price, ""),
        ):
            faults += between(name, getattr(self, name), low, high, ids=ids, rule=rule, fix=fix)
        told = np.isin(self.phases, (0, 1, 3))
        faults += broken("phases", told, "be 1 or 3", values=self.phases, ids=ids)
        return faults + self._overlaps()

    def _round_to_capacity(self) -> None:
        """Put energies that exceed the capacity by rounding alone at the capacity."""
        for name in ("energy_arrival_kwh", "energy_departure_kwh", "energy_reserve_kwh"):
            values = getattr(self, name)
            if (values > self.capacity_kwh).any():
                object.__setattr__(self, name, np.minimum(values, self.capacity_kwh))

    def _overlaps(self) -> list[Fault]:
        order = np.lexsort((self.arrival_utc, self.asset_id))
        same = self.asset_id[order][1:] == self.asset_id[order][:-1]
        clash = same & (self.arrival_utc[order][1:] < self.departure_utc[order][:-1])
        ok = np.ones(len(self), bool)
        ok[order[1:][clash]] = False
        rule = "not begin before the asset's previous session ended"
        fix = "An asset is plugged in once at a time; shorten or remove one of the two."
        return broken(
            "arrival_utc", ok, rule, values=self.arrival_utc, ids=self.session_id, fix=fix
        )


def joined(parts: list[Sessions]) -> Sessions:
    """One record of several, checked as a whole; the parts must not be none.

    Raises:
        InputError: The parts clash, for instance with the same session_id.
    """
    if len(parts) == 1:
        return parts[0]
    names = [field.name for field in fields(Sessions)]
    columns = [part.columns() for part in parts]
    return Sessions(**{name: np.concatenate([c[name] for c in columns]) for name in names})
