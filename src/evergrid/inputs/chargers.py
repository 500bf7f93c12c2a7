"""Which charger each session uses, and what current it then draws at most."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from evergrid.core.arrays import Array, Float, Int, Shaped
from evergrid.core.config import Config
from evergrid.core.errors import ConfigError, raise_if_any
from evergrid.core.faults import Fault, broken, known
from evergrid.data import tables
from evergrid.data.files.locate import locate
from evergrid.model.charging.chargers import (
    ANY_STARTS,
    LEAST_A,
    MODE_3_A,
    NOMINAL,
    PHASES,
    USUAL_V,
    WHOLE,
    Chargers,
    usual_phases,
)
from evergrid.model.session import Sessions


class ChargerSource(Config):
    """Chargers of alternating current: what all have, and a table of those that differ."""

    file: str | None = Field(default=None, examples=["chargers.csv"])
    """Table of chargers that sessions name in their column charger_id; a session that names none
    has a charger of its own, with what is given here."""
    phases: Literal[1, 3] | None = Field(default=None, examples=[3])
    """Phases of a charger that is in no table; by the rating of the session when absent."""
    least_a: float = Field(default=LEAST_A, gt=0)
    """Least current of each phase while on, A; IEC 61851 has 6."""
    most_a: float | None = Field(default=None, gt=0, examples=[16.0])
    """Greatest current of each phase, A; by the rating of the session when absent."""
    step_a: float = Field(default=1.0, gt=0)
    """Step of current, A."""
    voltage_v: float = Field(default=USUAL_V, gt=0)
    """From phase to neutral, V."""
    least_on_min: float = Field(default=0.0, ge=0)
    """Time that a charger stays on after a start, minutes."""
    least_off_min: float = Field(default=0.0, ge=0)
    """Time that it stays off after it was on, minutes."""
    most_starts: int | None = Field(default=None, ge=1, examples=[2])
    """Starts of each stay at most; no limit when absent, but among equals the fewest."""

    @model_validator(mode="after")
    def _least_below_most(self) -> "ChargerSource":
        if self.most_a is not None and self.most_a < self.least_a:
            rule = f"be at least least_a, {self.least_a:g} A"
            fix = "Raise most_a, or lower least_a."
            raise ConfigError("chargers", [Fault("most_a", rule, (self.most_a,), fix=fix)])
        return self

    def defaults(self) -> dict[str, float | int | str]:
        """What a table may leave out."""
        starts = ANY_STARTS if self.most_starts is None else self.most_starts
        names = ("least_a", "step_a", "voltage_v", "least_on_min", "least_off_min")
        given = {name: getattr(self, name) for name in names}
        return {**given, "phase": "L1", "most_starts": starts}


@dataclass(frozen=True)
class SessionsAtChargers:
    """Sessions with their charger, phases and greatest power, and what was done for that."""

    sessions: Sessions
    chargers: Chargers
    notes: tuple[str, ...]


def at_chargers(
    source: ChargerSource, sessions: Sessions, folder: Path, *, batteries: frozenset[str]
) -> SessionsAtChargers:
    """The sessions at their chargers, with ratings in whole steps of current.

    A session that names no charger has one of its own. Stationary batteries, and sessions rated
    beyond what a plug of alternating current carries, have none and take any power.

    Args:
        source: The chargers of the configuration.
        sessions: Who is plugged in.
        folder: What relative paths start from.
        batteries: Sessions that are stationary batteries.

    Raises:
        InputError: Chargers that are not known, at other sites, or too strong for a session.
    """
    notes: list[str] = []
    listed = None
    if source.file is not None:
        path = locate(source.file, folder)
        listed = tables.read_chargers(path, defaults=source.defaults())
    names_none = np.array([name == "" for name in sessions.charger_id.tolist()], dtype=bool)
    raise_if_any("sessions", _unknown(sessions, names_none, listed))
    still = np.array([name in batteries for name in sessions.session_id.tolist()], dtype=bool)
    most_kw = 3 * MODE_3_A * source.voltage_v / 1000
    direct = names_none & ~still & (_rating(sessions) > most_kw * (1 + NOMINAL))
    if direct.any():
        notes.append(
            f"{int(direct.sum()):,} sessions are rated above {most_kw:.1f} kW, the most of "
            "alternating current: they are taken as direct current, at any power."
        )
    own = names_none & ~still & ~direct
    made, ids = _own_chargers(source, sessions, own)
    chargers = made if listed is None else _together(listed, made)
    placed = replace(sessions, charger_id=np.where(own, ids, sessions.charger_id))
    limited, more = _limited(placed, chargers)
    return SessionsAtChargers(limited, chargers, (*notes, *more))


def _rating(sessions: Sessions) -> Float[Array, " session"]:
    return np.maximum(sessions.max_charge_kw, sessions.max_discharge_kw)


def _unknown(
    sessions: Sessions, names_none: Shaped[Array, " session"], listed: Chargers | None
) -> list[Fault]:
    """Faults of chargers that are named but not known, or at another site than the session."""
    at, ids = sessions.charger_id[~names_none], sessions.session_id[~names_none]
    if listed is None:
        if not len(at):
            return []
        fix = "Name their table in [chargers], as file, or leave the column out."
        return [Fault("charger_id", "name a charger of a table", tuple(at), tuple(ids), fix=fix)]
    faults = known("charger_id", at, listed.charger_id, ids=ids, what="chargers")
    if faults:
        return faults
    site = listed.site_id[listed.row(at)]
    same = np.asarray(site == sessions.site_id[~names_none], dtype=bool)
    rule = "be at the site of the session"
    return broken("charger_id", same, rule, values=at, ids=ids, fix="Correct one of the two.")


def _own_chargers(
    source: ChargerSource, sessions: Sessions, own: Shaped[Array, " session"]
) -> tuple[Chargers, Shaped[Array, " session"]]:
    """A charger for each of these sessions, and its name at each session.

    Those with one phase are dealt out to the three phases of their site in turn.
    """
    rows, rating = np.nonzero(own)[0], _rating(sessions)
    count = len(rows)
    phases = usual_phases(rating[rows])
    if source.phases is not None:
        phases = np.full(count, source.phases)
    most = _amperes(source, rating[rows], phases)
    if source.most_a is not None:
        most = np.full(count, source.most_a)
    ids = np.full(len(sessions), "", dtype=object)
    ids[rows] = [f"charger of {name}" for name in sessions.session_id[rows]]
    defaults = source.defaults()
    given = ("least_a", "step_a", "voltage_v", "least_on_min", "least_off_min")
    raise_if_any("chargers", _too_weak(source, most, sessions.session_id[rows]))
    made = Chargers(
        charger_id=ids[rows],
        site_id=sessions.site_id[rows],
        phases=phases.astype(np.int64),
        phase=_in_turn(sessions.site_id[rows], phases),
        most_a=most,
        most_starts=np.full(count, int(defaults["most_starts"])),
        **{name: np.full(count, float(defaults[name])) for name in given},
    )
    return made, ids


def _amperes(
    source: ChargerSource, rating_kw: Float[Array, " session"], phases: Int[Array, " session"]
) -> Float[Array, " session"]:
    """Current that a rating stands for: whole steps, where its name misses them by a little."""
    steps = 1000 * rating_kw / (phases * source.voltage_v * source.step_a)
    near = np.round(steps)
    close = np.abs(steps - near) <= NOMINAL * near
    return source.step_a * np.where(close, near, np.floor(steps))


def _too_weak(
    source: ChargerSource, most_a: Float[Array, " session"], ids: Shaped[Array, " session"]
) -> list[Fault]:
    rule = f"reach least_a, {source.least_a:g} A, on the phases of the charger"
    fix = "Raise max_charge_kw, or set phases = 1 or a lower least_a in [chargers]."
    enough = np.asarray(most_a >= source.least_a)
    return broken("max_charge_kw", enough, rule, values=most_a, ids=ids, fix=fix)


def _in_turn(
    site_id: Shaped[Array, " charger"], phases: Int[Array, " charger"]
) -> Shaped[Array, " charger"]:
    """Phases of a site's chargers that have one, each next one on the next phase."""
    count: dict[str, int] = {}
    phase = np.full(len(site_id), PHASES[0], dtype=object)
    for i, site in enumerate(site_id.tolist()):
        if phases[i] == 1:
            phase[i] = PHASES[count.get(site, 0) % len(PHASES)]
            count[site] = count.get(site, 0) + 1
    return phase


def _together(one: Chargers, other: Chargers) -> Chargers:
    columns = other.columns()
    return Chargers(**{n: np.concatenate([v, columns[n]]) for n, v in one.columns().items()})


def _limited(sessions: Sessions, chargers: Chargers) -> tuple[Sessions, list[str]]:
    """The sessions with phases and ratings as their chargers allow, and notes of what changed."""
    row = chargers.row(sessions.charger_id)
    at = row >= 0
    of = np.maximum(row, 0)
    told, rating = sessions.phases, _rating(sessions)
    implied = usual_phases(rating)
    car = np.where(told > 0, told, np.where(chargers.phases[of] == 1, 1, implied))
    own = np.array([name.startswith("charger of ") for name in sessions.charger_id.tolist()])
    car = np.where(own & (told == 0), chargers.phases[of], car)
    used = np.minimum(car, chargers.phases[of])
    step_kw = used * chargers.step_a[of] * chargers.voltage_v[of] / 1000
    most = np.round(chargers.most_a[of] / chargers.step_a[of])
    columns, faults = {}, []
    for name in ("max_charge_kw", "max_discharge_kw"):
        given = getattr(sessions, name)
        steps = given / step_kw
        near = np.round(steps)
        steps = np.where(np.abs(steps - near) <= NOMINAL * near, near, np.floor(steps + WHOLE))
        steps = np.minimum(steps, most)
        least = np.round(chargers.least_a[of] / chargers.step_a[of])
        weak = at & (given > 0) & (steps < least)
        rule = "reach the least power of its charger"
        got = [
            f"{kw:g} kW at {name}, which gives {low:.3g} kW or more"
            for kw, name, low in zip(given, sessions.charger_id, least * step_kw, strict=True)
        ]
        fix = "Raise the rating, use fewer phases, or lower least_a."
        faults += broken(name, ~weak, rule, values=got, ids=sessions.session_id, fix=fix)
        columns[name] = np.where(at, steps * step_kw, given)
    raise_if_any("sessions", faults)
    made = replace(sessions, phases=np.where(at, used, told), **columns)
    return made, _notes(sessions, made, fewer=at & (used < car))


def _notes(given: Sessions, made: Sessions, *, fewer: Shaped[Array, " session"]) -> list[str]:
    notes = []
    if fewer.any():
        notes.append(
            f"{int(fewer.sum()):,} sessions of cars with three phases are at chargers with one: "
            "they charge on one phase, with its power."
        )
    change = np.abs(made.max_charge_kw - given.max_charge_kw)
    limited = made.max_charge_kw < given.max_charge_kw * (1 - NOMINAL) - 1e-9
    if (limited & ~fewer).any():
        notes.append(
            f"{int((limited & ~fewer).sum()):,} sessions are rated above what whole steps of "
            "their charger's current reach: their power is limited to that."
        )
    named = (change > 1e-9) & ~limited
    if named.any():
        row = int(np.argmax(named))
        notes.append(
            f"Ratings of {int(named.sum()):,} sessions are taken as the whole amperes that they "
            f"stand for, such as {given.max_charge_kw[row]:g} kW as "
            f"{made.max_charge_kw[row]:.4g} kW."
        )
    return notes
