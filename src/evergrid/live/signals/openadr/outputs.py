"""What a program asks for, in the records of the planner and of the limits of sites."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import msgspec
import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.timegrid import TimeGrid
from evergrid.live.signals.envelope import Limit
from evergrid.live.signals.openadr.event_store import EventStore
from evergrid.live.signals.openadr.events import Kind, Span
from evergrid.model.prices import Prices
from evergrid.model.time_series.stamps import widths

STEP, STEP_H = np.timedelta64(15, "m"), 0.25  # of prices that events may change


def prices(events: EventStore, grid: TimeGrid, *, export_as_import: bool) -> Prices:
    """Prices of each step of a grid, as means over the step.

    Args:
        events: Events in force.
        grid: Steps.
        export_as_import: Whether energy fed earns what energy drawn costs, in a program without
            prices of its own for it.

    Raises:
        InputError: A step without a price, or prices in two currencies.
    """
    begin_s, end_s = grid.start_utc.timestamp(), grid.end_utc.timestamp()
    found = {
        kind: events.steps(kind, begin_s, end_s) for kind in (Kind.IMPORT_PRICE, Kind.EXPORT_PRICE)
    }
    drawn = _means(found[Kind.IMPORT_PRICE], grid)
    fed = drawn if export_as_import else _means(found[Kind.EXPORT_PRICE], grid)
    currencies = sorted({span.currency for spans in found.values() for span in spans})
    faults = [
        Fault(kind, "be there for every step", (str(grid.times[np.isnan(mean).argmax()]),))
        for kind, mean in ((Kind.IMPORT_PRICE, drawn), (Kind.EXPORT_PRICE, fed))
        if np.isnan(mean).any()
    ]
    if len(currencies) > 1:
        faults.append(Fault("currency", "be one in all events", tuple(currencies)))
    if faults:
        raise InputError("openadr", faults)
    return Prices(grid.times, drawn, fed, np.zeros(len(drawn)), currency=currencies[0])


def over(base: Prices, events: EventStore) -> Prices:
    """Prices with those of events in their place, in every step that events cover as a whole.

    Steps are a quarter of an hour. Where a program says nothing of export, energy fed earns what
    it earned before; nothing is guessed from the price of energy drawn.

    Args:
        base: What holds without an event.
        events: Events in force.

    Raises:
        InputError: Prices of events in another currency.
    """
    begin, end = base.time_utc[0], base.time_utc[-1] + widths(base.time_utc)[-1]
    steps = int((end - begin) / STEP)
    start_utc = datetime.fromtimestamp(begin.astype("datetime64[s]").astype(int), UTC)
    grid = TimeGrid(start_utc, STEP_H, steps)
    begin_s, end_s = grid.start_utc.timestamp(), grid.end_utc.timestamp()
    fine = base.on(grid)
    found = {
        kind: events.steps(kind, begin_s, end_s) for kind in (Kind.IMPORT_PRICE, Kind.EXPORT_PRICE)
    }
    others = {span.currency for spans in found.values() for span in spans} - {base.currency}
    if others:
        fault = Fault("currency", f"be {base.currency}, as [prices] has it", tuple(sorted(others)))
        raise InputError("openadr", [fault])
    drawn, fed = (_means(found[kind], grid) for kind in found)
    return replace(
        fine,
        import_price_per_mwh=np.where(np.isnan(drawn), fine.import_price_per_mwh, drawn),
        export_price_per_mwh=np.where(np.isnan(fed), fine.export_price_per_mwh, fed),
    )


def envelope(
    events: EventStore, site: str, default: Limit, *, now_s: float, until_s: float
) -> bytes:
    """Limits from now until a moment as a document of `evergrid.live.signals.envelope`.

    It covers the time without gaps, so that it replaces what was said before and cancelled since;
    where no event limits a site its safe default stands.

    Args:
        events: Events in force.
        site: Whose limits they are.
        default: Safe default of the site.
        now_s: UTC seconds since 1970; the document is issued now.
        until_s: After which nothing is said.
    """
    drawn = events.steps(Kind.IMPORT_LIMIT, now_s, until_s)
    fed = events.steps(Kind.EXPORT_LIMIT, now_s, until_s)
    cuts = {now_s, until_s} | {at_s for one in (*drawn, *fed) for at_s in (one.begin_s, one.end_s)}
    moments = sorted(cuts)
    steps = [
        {
            "begin_utc": _utc(begin_s),
            "end_utc": _utc(end_s),
            "import_limit_kw": _value(drawn, begin_s, default.import_limit_kw),
            "export_limit_kw": _value(fed, begin_s, default.export_limit_kw),
        }
        for begin_s, end_s in pairwise(moments)
    ]
    document = {"issued_utc": _utc(now_s), "sites": [{"site_id": site, "steps": steps}]}
    return msgspec.json.encode(document)


def _means(spans: tuple[Span, ...], grid: TimeGrid) -> Float[Array, " step"]:
    """Means over each step; NaN where a part of it has no value."""
    step_s = grid.step.total_seconds()
    begins = grid.start_utc.timestamp() + step_s * np.arange(len(grid.times))
    total, covered = np.zeros(len(begins)), np.zeros(len(begins))
    for span in spans:
        first = int(np.searchsorted(begins, span.begin_s, side="right")) - 1
        stop = int(np.searchsorted(begins, span.end_s, side="left"))
        part = slice(max(first, 0), stop)
        until = np.minimum(begins[part] + step_s, span.end_s)
        seconds = until - np.maximum(begins[part], span.begin_s)
        total[part] += seconds * span.value
        covered[part] += seconds
    return np.where(covered >= step_s * (1 - 1e-9), total / step_s, np.nan)


def _value(spans: tuple[Span, ...], at_s: float, default: float) -> float:
    there = [span.value for span in spans if span.begin_s <= at_s < span.end_s]
    return there[0] if there else default


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
