"""After a restart: the transactions that are still open, read back from the log."""

from collections.abc import Iterable

from evergrid.live.controller import records
from evergrid.live.controller.books.transactions import OpenTransaction
from evergrid.live.controller.controller import Controller
from evergrid.live.devices.adapter import TransactionPart
from evergrid.live.store.entry import Entry


def restore(controller: Controller, entries: Iterable[Entry]) -> int:
    """Take up the transactions that had not ended; their stations come back by themselves.

    Args:
        controller: Before it has heard of any station.
        entries: Of the kinds ``transaction_event``, ``needs`` and ``driver_change``, as they stand
            in the log.

    Returns:
        How many are open.
    """
    open_now: dict[str, OpenTransaction] = {}
    ended: dict[str, tuple[str, float]] = {}
    for entry in entries:
        known = open_now.get(entry.station)
        if entry.kind == "needs":
            if known is not None and known.transaction == entry.transaction:
                known.tell(records.needs_of(entry))
            continue
        if entry.kind == "driver_change":
            if known is not None and known.transaction == entry.transaction:
                known.change(records.change_of(entry), entry.time_s)
            continue
        event = records.transaction_of(entry)
        if known is None or known.transaction != entry.transaction:
            last = ended.get(entry.station)
            late = records.is_over(last, entry.transaction, event.part, entry.time_s)
            if late or event.part is TransactionPart.ENDED:
                continue
            driver = controller.drivers.named(event.driver)
            known = OpenTransaction(entry.transaction, event.evse or 1, driver, entry.time_s)
            open_now[entry.station] = known
        for reading in event.readings:
            buy, sell = controller.metering.prices_at(reading.time_s)
            known.meter.read(reading.drawn_kwh, reading.fed_kwh, buy, sell, sequence=entry.sequence)
            known.soc = known.soc if reading.soc is None else reading.soc
        if event.part is TransactionPart.ENDED:
            ended[entry.station] = entry.transaction, entry.time_s
            del open_now[entry.station]
    controller.transactions.update(open_now)
    controller.ended.update(ended)
    return len(open_now)
