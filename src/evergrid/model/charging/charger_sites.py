"""Whether chargers fit the sessions that use them and the sites that they are connected to."""

import numpy as np

from evergrid.core import tree
from evergrid.core.faults import SHOWN, Fault
from evergrid.model.charging.chargers import Chargers
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
    found: dict[tuple[str, int], dict[str, float]] = {}  # of each limit: chargers and their least
    for charger, site, phases in sorted(places):
        if charger < 0 or site < 0:
            continue
        name, least_a = str(chargers.charger_id[charger]), float(chargers.least_a[charger])
        least_kw = least_a * phases * float(chargers.voltage_v[charger]) / 1000
        for above in tree.path(site, sites.parent):
            for limit, least in (("import_limit_kw", least_kw), ("phase_limit_a", least_a)):
                if least > float(getattr(sites, limit)[above]) * (1 + ROUNDING):
                    of = found.setdefault((limit, int(above)), {})
                    of[name] = max(least, of.get(name, 0.0))
    return [_fault(limit, sites, site, least) for (limit, site), least in found.items()]


def _fault(limit: str, sites: Sites, site: int, least: dict[str, float]) -> Fault:
    """The fault of a limit that is below the least of some chargers, which are named."""
    names = list(least)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    unit = "kW" if limit == "import_limit_kw" else "A"
    rule = f"allow the least of each charger, {max(least.values()):.4g} {unit}"
    fix = (
        "Raise the limit, lower least_a, use fewer phases, or take these chargers off the site: "
        f"{', '.join(names[:SHOWN])}{more}."
    )
    got = (float(getattr(sites, limit)[site]),)
    return Fault(limit, rule, got, (str(sites.site_id[site]),), fix=fix)
