"""Whether chargers fit the sessions that use them and the sites that they are connected to."""

import numpy as np

from evergrid.core import tree
from evergrid.core.faults import Fault
from evergrid.model.chargers import Chargers
from evergrid.model.session import Sessions
from evergrid.model.site import Sites

ROUNDING = 1e-9  # of a limit, by which a least power may pass it


def faults(sessions: Sessions, sites: Sites, chargers: Chargers) -> list[Fault]:
    """Every fault of chargers with their sessions and sites."""
    return _overlaps(sessions) or _too_strong(sessions, sites, chargers)


def _overlaps(sessions: Sessions) -> list[Fault]:
    """Sessions that are at one charger at the same time."""
    named = np.array([name != "" for name in sessions.charger_id.tolist()], dtype=bool)
    (rows,) = np.nonzero(named)
    at = sessions.charger_id[rows].astype(str)
    order = rows[np.lexsort((sessions.arrival_utc[rows], at))]
    one, other = order[:-1], order[1:]
    same = sessions.charger_id[one] == sessions.charger_id[other]
    clash = same & (sessions.arrival_utc[other] < sessions.departure_utc[one])
    if not clash.any():
        return []
    pairs = zip(one[clash], other[clash], strict=True)
    ids = sessions.session_id
    return [
        Fault(
            "charger_id",
            "have one session at a time",
            tuple(sessions.charger_id[other[clash]]),
            tuple(f"{ids[a]} and {ids[b]}" for a, b in pairs),
            fix="One car is plugged in at a charger: move or shorten one of the two.",
        )
    ]


def _too_strong(sessions: Sessions, sites: Sites, chargers: Chargers) -> list[Fault]:
    """Chargers whose least power, or least current, is more than a site above them carries."""
    row, at = chargers.row(sessions.charger_id), sites.row(sessions.site_id)
    places = {(int(c), int(s), int(n)) for c, s, n in zip(row, at, sessions.phases, strict=True)}
    found: list[Fault] = []
    for charger, site, phases in sorted(places):
        if charger < 0 or site < 0:
            continue
        name, least_a = str(chargers.charger_id[charger]), float(chargers.least_a[charger])
        least_kw = least_a * phases * float(chargers.voltage_v[charger]) / 1000
        for above in tree.path(site, sites.parent):
            found += _fault(
                name,
                str(sites.site_id[above]),
                "import_limit_kw",
                "kW",
                least_kw,
                float(sites.import_limit_kw[above]),
            )
            found += _fault(
                name,
                str(sites.site_id[above]),
                "phase_limit_a",
                "A",
                least_a,
                float(sites.phase_limit_a[above]),
            )
    return found


def _fault(
    charger: str, site: str, limit: str, unit: str, least: float, most: float
) -> list[Fault]:
    if least <= most * (1 + ROUNDING):
        return []
    rule = f"allow the least of charger {charger}, {least:.4g} {unit}"
    fix = "Raise the limit, lower least_a, or take the charger off the site."
    return [Fault(limit, rule, (most,), (site,), fix=fix)]
