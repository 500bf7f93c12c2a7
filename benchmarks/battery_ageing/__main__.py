"""``python -m benchmarks.battery_ageing``: fleets by table and by formula, and BLAST-Lite in turns.

``--oracle PYTHON`` names the interpreter of an environment with blast-lite.
"""

import argparse
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.battery_ageing.blast_lite import MODELS as THEIRS
from benchmarks.battery_ageing.profiles import years
from benchmarks.plan import machine
from evergrid.battery.ageing import fleet, life
from evergrid.battery.ageing.model import AbstractLargeCell, Fade
from evergrid.battery.ageing.profile import Profile

PART = 5_000  # vehicles at a time; a million years of hours do not fit into memory
COMPARED = 20  # vehicles that are aged by the formulas too
TURNS, THEIR_VEHICLES = 3, 3


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vehicles", type=int, default=1_000_000)
    parser.add_argument("--oracle", type=Path)
    asked = parser.parse_args()
    print(f"{machine.description()}; {machine.versions()}")
    print("| model | how | vehicle-years | seconds | of all cores | us a vehicle-day, one core |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name in THEIRS:
        for line in rows(name, asked.vehicles, asked.oracle):
            print(line, flush=True)


def rows(name: str, vehicles: int, oracle: Path | None) -> Iterator[str]:
    """What was timed of one model."""
    model = life.MODELS[name]
    assert isinstance(model, AbstractLargeCell)
    profile = Profile(1.0, *years(PART))
    fleet.aged(model, _some(profile, 2))  # compiles
    parts = max(vehicles // PART, 1)
    begin, found = Clock.now(), fleet.aged(model, profile)
    for _ in range(parts - 1):
        found = fleet.aged(model, profile)
    yield _row(name, "table", parts * PART, begin)
    fleet.aged(model, _some(profile, 2), exact=True)  # compiles
    begin = Clock.now()
    fleet.aged(model, profile, exact=True)
    yield _row(name, "formulas, compiled", PART, begin)
    some = _some(profile, COMPARED)
    begin = Clock.now()
    *_, exact = life.lived(model, some)
    yield _row(name, "formulas, of whole arrays", COMPARED, begin)
    yield f"| {name} | largest error of a part of the fade | | {_error(found, exact):.1e} | | |"
    if oracle is not None:
        yield from _in_turns(name, model, profile, oracle)


def _in_turns(name: str, model: AbstractLargeCell, profile: Profile, oracle: Path) -> Iterator[str]:
    """Both, one after the other, several times; the middle ratio of a vehicle-year on one core."""
    script = Path(__file__).with_name("blast_lite.py")
    ratios, theirs = [], []
    for _ in range(TURNS):
        told = subprocess.run(
            [oracle, script, name, str(THEIR_VEHICLES)], capture_output=True, text=True, check=True
        )
        begin, _ = Clock.now(), fleet.aged(model, profile)
        ours = (Clock.now().cpu_s - begin.cpu_s) / PART
        theirs.append(float(told.stdout))
        ratios.append(theirs[-1] / ours)
    each, ratio = 1e6 * float(np.median(theirs)) / 365, float(np.median(ratios))
    yield f"| {name} | BLAST-Lite | {THEIR_VEHICLES} | | | {each:,.3g} |"
    yield f"| {name} | times as fast as BLAST-Lite, one core each | | | | {ratio:,.0f} |"


class Clock(NamedTuple):
    """Time on the wall, and of all cores, in seconds."""

    wall_s: float
    cpu_s: float

    @classmethod
    def now(cls) -> "Clock":
        """This moment."""
        return cls(time.perf_counter(), time.process_time())


def _row(name: str, how: str, vehicles: int, begin: Clock) -> str:
    now = Clock.now()
    wall_s, cpu_s = now.wall_s - begin.wall_s, now.cpu_s - begin.cpu_s
    each = 1e6 * cpu_s / vehicles / 365
    return f"| {name} | {how} | {vehicles:,} | {wall_s:,.3g} | {cpu_s:,.3g} | {each:,.3g} |"


def _some(profile: Profile, count: int) -> Profile:
    return Profile(1.0, profile.soc[:count], profile.temperature_c[:count])


def _error(found: Fade, exact: Fade) -> float:
    """Largest error of a part of the fade by table, relative."""
    parts = ("calendar", "cycle")
    return max(
        float(np.max(np.abs(getattr(found, part)[:COMPARED] / getattr(exact, part) - 1)))
        for part in parts
    )


if __name__ == "__main__":
    main()
