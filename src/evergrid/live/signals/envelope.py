"""A utility's operating envelope: how much a site may draw and feed, step by step.

Newer limits replace older ones where they overlap, from when they come; elsewhere the older ones
still hold until they end. A time without limits has the site's safe default. Nothing here waits or
writes: whoever receives a document keeps it, and gives the state back.
"""

import bisect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec
import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault

LARGEST_DOCUMENT = 2**20  # bytes
MOST_STEPS = 20_000  # of a site: 60 days of five minutes
LONGEST_LEAD_S = 60.0  # by which the utility's clock may be ahead of ours
PAST_S = 2 * 86_400.0  # for which limits that are over are kept, for the report


@dataclass(frozen=True)
class Limit:
    """What a site may do.

    Attributes:
        import_limit_kw: It may draw at most.
        export_limit_kw: It may feed at most.
        issued_s: When the utility issued it, UTC seconds since 1970; None for the safe default.
    """

    import_limit_kw: float
    export_limit_kw: float
    issued_s: float | None = None


@dataclass(frozen=True)
class Step:
    """A time in which one limit holds.

    Attributes:
        begin_s: UTC seconds since 1970.
        end_s: The limit no longer holds at this moment.
        limit: What the site may do.
    """

    begin_s: float
    end_s: float
    limit: Limit


@dataclass(frozen=True)
class Envelope:
    """What a utility issued for a site.

    Attributes:
        site: The site.
        issued_s: When it was issued, by the utility's clock.
        steps: In the order of time; between them there may be times without a limit.
    """

    site: str
    issued_s: float
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Envelopes:
    """The limits of all sites.

    Attributes:
        defaults: Safe default of each site that a utility may limit.
        issued_s: Issue time of the newest envelope of each site.
        steps: Limits of each site, in the order of time and without overlaps.
    """

    defaults: Mapping[str, Limit]
    issued_s: Mapping[str, float]
    steps: Mapping[str, tuple[Step, ...]]


class _Step(msgspec.Struct, forbid_unknown_fields=True):
    begin_utc: datetime
    end_utc: datetime
    import_limit_kw: float
    export_limit_kw: float


class _Site(msgspec.Struct, forbid_unknown_fields=True):
    site_id: str
    steps: list[_Step]


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    issued_utc: datetime
    sites: list[_Site]


def start(defaults: Mapping[str, Limit]) -> Envelopes:
    """No envelope yet: every site has its safe default.

    Raises:
        InputError: A default that is below 0 or not finite.
    """
    faults = [fault for site, limit in defaults.items() for fault in _limit_faults(limit, site)]
    raise_if_any("envelope", faults)
    return Envelopes(dict(defaults), {}, {})


def parse(document: bytes) -> tuple[Envelope, ...]:
    """The envelopes of a document, one for each site in it.

    ``{"issued_utc": "2026-07-01T12:00:00Z", "sites": [{"site_id": "depot", "steps": [{"begin_utc":
    ..., "end_utc": ..., "import_limit_kw": 80, "export_limit_kw": 20}]}]}``

    Raises:
        InputError: It is too large or no such document, a time without zone, limits that are below
            0 or not finite, steps that are empty, overlap or are out of order, a site twice.
    """
    if len(document) > LARGEST_DOCUMENT:
        rule = f"have at most {LARGEST_DOCUMENT:,} bytes"
        raise InputError("envelope", [Fault("document", rule, (len(document),))])
    try:
        read = msgspec.json.decode(document, type=_Document)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        rule = "be an envelope in JSON"
        raise InputError("envelope", [Fault("document", rule, (str(error),))]) from None
    faults = _time_faults("issued_utc", read.issued_utc, "")
    names = [site.site_id for site in read.sites]
    if not names:
        faults.append(Fault("sites", "name at least one site"))
    twice = tuple(sorted({name for name in names if names.count(name) > 1}))
    if twice:
        faults.append(Fault("site_id", "be there once", twice))
    for site in read.sites:
        faults += _site_faults(site)
    raise_if_any("envelope", faults)
    issued_s = read.issued_utc.timestamp()
    return tuple(
        Envelope(site.site_id, issued_s, tuple(_step(step, issued_s) for step in site.steps))
        for site in read.sites
    )


def accept(known: Envelopes, envelope: Envelope, now_s: float) -> Envelopes:
    """Put an envelope into force from now on.

    Args:
        known: The limits so far.
        envelope: That came.
        now_s: When it came, by our clock.

    Raises:
        InputError: A site that no utility limits, an issue time that is not newer than the one in
            force or that has not come, an envelope that is over, or more steps than `MOST_STEPS`.
    """
    raise_if_any("envelope", _refusals(known, envelope, now_s))
    site = envelope.site
    new = [_from(step, now_s) for step in envelope.steps if step.end_s > now_s]
    old = [step for step in known.steps.get(site, ()) if step.end_s > now_s - PAST_S]
    left = [part for step in old for part in _outside(step, new)]
    steps = tuple(sorted([*left, *new], key=lambda step: step.begin_s))
    if len(steps) > MOST_STEPS:
        rule = f"leave a site with at most {MOST_STEPS:,} steps"
        raise InputError("envelope", [Fault("steps", rule, (len(steps),), (site,))])
    return replace(
        known,
        issued_s={**known.issued_s, site: envelope.issued_s},
        steps={**known.steps, site: steps},
    )


def limit_at(known: Envelopes, site: str, time_s: float) -> Limit:
    """What a site may do at a moment.

    Raises:
        InputError: A site that no utility limits.
    """
    default = _default(known, site)
    steps = known.steps.get(site, ())
    place = bisect.bisect_right(steps, time_s, key=lambda step: step.begin_s) - 1
    if place >= 0 and time_s < steps[place].end_s:
        return steps[place].limit
    return default


def limits_between(known: Envelopes, site: str, begin_s: float, end_s: float) -> list[Step]:
    """Every limit between two moments, without gaps: the default where none was issued.

    Raises:
        InputError: A site that no utility limits.
    """
    default, found, at_s = _default(known, site), [], begin_s
    for step in known.steps.get(site, ()):
        if step.end_s <= at_s or step.begin_s >= end_s:
            continue
        if step.begin_s > at_s:
            found.append(Step(at_s, step.begin_s, default))
        found.append(Step(max(step.begin_s, at_s), min(step.end_s, end_s), step.limit))
        at_s = min(step.end_s, end_s)
    if at_s < end_s:
        found.append(Step(at_s, end_s, default))
    return found


def strictest_on(
    known: Envelopes, site: str, begin_s: float, step_s: float, steps: int
) -> tuple[Float[Array, " step"], Float[Array, " step"]]:
    """Import and export limits in kW that a plan keeps: the strictest within each of its steps.

    Raises:
        InputError: A site that no utility limits.
    """
    drawn, fed = np.full(steps, np.inf), np.full(steps, np.inf)
    for one in limits_between(known, site, begin_s, begin_s + steps * step_s):
        first = math.floor((one.begin_s - begin_s) / step_s + 1e-9)
        stop = math.ceil((one.end_s - begin_s) / step_s - 1e-9)
        drawn[first:stop] = np.minimum(drawn[first:stop], one.limit.import_limit_kw)
        fed[first:stop] = np.minimum(fed[first:stop], one.limit.export_limit_kw)
    return drawn, fed


def expires_s(known: Envelopes, site: str, now_s: float) -> float | None:
    """When the site falls back to its default for the next time; None where it has it now."""
    if limit_at(known, site, now_s).issued_s is None:
        return None
    end_s = now_s
    for step in known.steps[site]:
        if step.begin_s <= end_s < step.end_s:
            end_s = step.end_s
    return end_s


def _default(known: Envelopes, site: str) -> Limit:
    if site not in known.defaults:
        raise InputError("envelope", [_unknown(known, site)])
    return known.defaults[site]


def _unknown(known: Envelopes, site: str) -> Fault:
    names = ", ".join(sorted(known.defaults)[:8]) or "none"
    fix = f"Sites with a safe default: {names}."
    return Fault("site_id", "name a site that a utility may limit", (site,), fix=fix)


def _refusals(known: Envelopes, envelope: Envelope, now_s: float) -> list[Fault]:
    site, faults = (envelope.site,), []
    if envelope.site not in known.defaults:
        faults.append(_unknown(known, envelope.site))
    newest_s = known.issued_s.get(envelope.site, -math.inf)
    if envelope.issued_s <= newest_s:
        rule = "be later than that of the envelope in force"
        faults.append(Fault("issued_utc", rule, (envelope.issued_s,), site))
    if envelope.issued_s > now_s + LONGEST_LEAD_S:
        rule = "not be of a time that has not come"
        faults.append(Fault("issued_utc", rule, (envelope.issued_s,), site))
    if not any(step.end_s > now_s for step in envelope.steps):
        faults.append(Fault("end_utc", "be later than now for one step at least", ids=site))
    return faults


def _site_faults(site: _Site) -> list[Fault]:
    name, faults = (site.site_id,), []
    if not 0 < len(site.site_id) <= 64:
        faults.append(Fault("site_id", "have 1 to 64 characters", name))
    if not 0 < len(site.steps) <= MOST_STEPS:
        rule = f"be 1 to {MOST_STEPS:,}"
        return [*faults, Fault("steps", rule, (len(site.steps),), name)]
    for step in site.steps:
        faults += _limit_faults(Limit(step.import_limit_kw, step.export_limit_kw), site.site_id)
        faults += _time_faults("begin_utc", step.begin_utc, site.site_id)
        faults += _time_faults("end_utc", step.end_utc, site.site_id)
    if faults:
        return faults
    ends = [site.steps[0].begin_utc, *(step.end_utc for step in site.steps)]
    for step, before in zip(site.steps, ends, strict=False):
        if step.end_utc <= step.begin_utc:
            faults.append(Fault("end_utc", "be later than begin_utc", (str(step.end_utc),), name))
        if step.begin_utc < before:
            rule = "not be before the end of the step before"
            faults.append(Fault("begin_utc", rule, (str(step.begin_utc),), name))
    return faults


def _limit_faults(limit: Limit, site: str) -> list[Fault]:
    given = {"import_limit_kw": limit.import_limit_kw, "export_limit_kw": limit.export_limit_kw}
    return [
        Fault(name, "be 0 or more, and finite", (value,), (site,))
        for name, value in given.items()
        if not 0 <= value < math.inf
    ]


def _time_faults(field: str, time: datetime, site: str) -> list[Fault]:
    if time.tzinfo is not None:
        return []
    fix = "Add the offset, such as a trailing Z."
    return [Fault(field, "carry a time zone", (str(time),), (site,) if site else (), fix=fix)]


def _step(step: _Step, issued_s: float) -> Step:
    limit = Limit(step.import_limit_kw, step.export_limit_kw, issued_s)
    return Step(step.begin_utc.timestamp(), step.end_utc.timestamp(), limit)


def _from(step: Step, now_s: float) -> Step:
    """What is left of a step from now on."""
    return replace(step, begin_s=max(step.begin_s, now_s))


def _outside(step: Step, others: Sequence[Step]) -> list[Step]:
    """The parts of a step that no other one covers; the others are in the order of time."""
    parts, at_s = [], step.begin_s
    for other in others:
        if other.end_s <= at_s or other.begin_s >= step.end_s:
            continue
        if other.begin_s > at_s:
            parts.append(replace(step, begin_s=at_s, end_s=other.begin_s))
        at_s = other.end_s
    if at_s < step.end_s:
        parts.append(replace(step, begin_s=at_s))
    return parts
