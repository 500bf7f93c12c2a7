"""The live service with simulated stations, over loopback, bounded in number and time.

``python -m benchmarks.live latency --stations 200`` plays in real time and tells how long it takes
from the moment of a value of the signal to the meter value that shows what it asked for.
``python -m benchmarks.live day --stations 200`` plays at speed and tells what a day costs.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import msgspec
import numpy as np
import uvloop

from evergrid.core.arrays import Array, Float
from evergrid.core.config import parse
from evergrid.live.config import Config
from evergrid.live.controller.ticker import GRACE_S
from evergrid.live.service import Service
from evergrid.live.twin import day
from evergrid.live.twin.fleet import TwinConfig
from evergrid.live.twin.play import Play, begun, configuration, played

WARM_UP_S = 60.0  # in which stations connect and vehicles get their plans
NEAR_KW = 0.35  # half a step of a charger, by which a meter shows an order
LONGEST_S = 10.0  # after which an order is taken as not shown
READ_AT_ONCE = 10_000


def play_of(stations: int, hours: float, folder: Path, *, real_time: bool) -> Play:
    """A made-up day of so many stations, most of which have a vehicle."""
    fleet = TwinConfig(
        stations=stations,
        start_utc=day.START.isoformat(),
        hours=hours,
        time_zone="America/New_York",
        boot_spread_s=10.0,
        plugged_share=1.0,
    )
    return Play(fleet, day.made_up(folder / "day", 1), folder, real_time=real_time)


async def latency(stations: int, minutes: float, folder: Path) -> None:
    """Play in real time; an award is given once vehicles are there, not at the next hour."""
    play = play_of(stations, minutes / 60.0, folder, real_time=True)
    config = parse(Config, configuration(play))
    async with begun(play, config) as (service, _, clock):
        await clock.sleep_until(WARM_UP_S)
        assert service.ticker.awards is not None
        service.ticker.awards.begin(clock.now_s(), clock.now_s() + 3600.0, 1e9, held_kw(service))
        begin_s, cpu_s = clock.now_s(), time.process_time()
        await clock.sleep_until(60.0 * minutes)
        used = (time.process_time() - cpu_s) / (clock.now_s() - begin_s)
        found = await shown_s(service, begin_s)
    print(
        f"{stations} stations, {minutes:g} min in real time, {len(found):,} orders shown by a meter"
    )
    for share in (50, 90, 99):
        print(f"  signal to metered power p{share}: {np.percentile(found, share):.3f} s")
    print(f"  {100 * used:.1f} % of a core for service and stations together")


def held_kw(service: Service) -> float:
    """What the fleet can hold both ways for an hour."""
    return service.controller.fleet.available(1.0).symmetric_kw


async def shown_s(service: Service, since_s: float) -> Float[Array, " order"]:
    """From the value of the signal behind each order to the first meter value that shows it."""
    waiting: dict[str, tuple[float, float]] = {}
    found, after = [], 0
    while entries := await service.store.log.entries(after=after, limit=READ_AT_ONCE):
        after = entries[-1].number
        for stored in entries:
            entry = stored.entry
            if entry.time_s < since_s or entry.kind not in ("order", "transaction_event"):
                continue
            body = msgspec.json.decode(entry.body)
            if entry.kind == "order":
                waiting[entry.station] = entry.time_s - GRACE_S, body["power_kw"]
            elif entry.station in waiting:
                value_s, ordered_kw = waiting[entry.station]
                powers = [reading["power_kw"] for reading in body["readings"]]
                late_s = body["received_s"] - value_s
                if any(kw is not None and abs(kw - ordered_kw) < NEAR_KW for kw in powers):
                    found.append(late_s)
                    del waiting[entry.station]
                elif late_s > LONGEST_S:
                    del waiting[entry.station]
    return np.array(found)


async def whole_day(stations: int, hours: float, folder: Path) -> None:
    """Play at speed."""
    play = play_of(stations, hours, folder, real_time=False)
    begin_s, cpu_s = time.monotonic(), time.process_time()
    outcome = await played(play, parse(Config, configuration(play)))
    wall_s, used_s = time.monotonic() - begin_s, time.process_time() - cpu_s
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    print("\n".join(outcome.lines()))
    print(f"wall {wall_s:.0f} s, CPU {used_s:.0f} s, {memory:.0f} MiB")


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("latency", "day"))
    parser.add_argument("--stations", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--hours", type=float, default=24.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        if given.what == "latency":
            uvloop.run(latency(given.stations, given.minutes, place))
        else:
            uvloop.run(whole_day(given.stations, given.hours, place))


if __name__ == "__main__":
    main()
