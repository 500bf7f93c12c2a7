"""Every step of a day of a generated circuit, ours against OpenDSS'."""

import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evergrid.core.errors import InputError
from evergrid.grid import opendss_day
from evergrid.grid.devices import switching, time_series
from evergrid.grid.devices.time_series import Day
from evergrid.grid.feeder import opendss
from evergrid.grid.inverters import volt_var
from tests.validation.controls.circuits import STEP_S, Case, drawn


@dataclass(frozen=True)
class Compared:
    """What came of a circuit.

    Attributes:
        verdict: "equal", "refused" or "different".
        why: What was refused, or the first step that differs.
        operations: Taps moved and banks switched in OpenDSS.
        path: Where taps and banks stood in OpenDSS at the end of each step.
    """

    verdict: str
    why: str
    operations: tuple[int, int] = (0, 0)
    path: tuple[tuple[float, ...], ...] = ()


def compared(case: Case, folder: Path) -> Compared:
    """Run a circuit's day in both."""
    path = folder / "street.dss"
    path.write_text(case.text, encoding="utf-8")
    try:
        feeder = opendss.read(path)
    except InputError as refused:
        return Compared("refused", str(refused))
    count = len(feeder.branches)
    power = np.zeros((count, len(case.share)))
    power[-1] = case.vehicle_kw
    none = volt_var.everywhere(np.zeros((1, count)), volt_var.UNITY)
    day = Day(STEP_S, power[None], none, case.share[None, None])
    reduced = switching.reduce(feeder)
    try:
        ours = time_series.simulate(reduced, day, leftovers=True, tolerance_pu=1e-10)
    except InputError as refused:
        return Compared("refused", str(refused))
    theirs = opendss_day.day(path, feeder, step_s=STEP_S, load_share=case.share, power_kw=power)
    start = np.array(feeder.state.connected, bool)[:, None]
    switched = np.diff(np.concatenate([start, theirs.connected], axis=1).astype(int), axis=1)
    operations = (int(theirs.tap_operations(feeder).sum()), int(np.abs(switched).sum()))
    apart = np.abs(ours.ratio[0] - theirs.ratio).max(axis=0, initial=0.0) > 1e-9
    apart |= (ours.connected[0] != theirs.connected).any(axis=0)
    if not apart.any():
        # Taps that move up and down within a step are operations, though no difference of steps.
        fewer = (ours.tap_operations[0] < theirs.tap_operations(feeder)).any()
        path = np.concatenate([theirs.ratio, theirs.connected])
        verdict = "different" if fewer else "equal"
        return Compared(verdict, "operations", operations, tuple(map(tuple, path.tolist())))
    step = int(np.argmax(apart))
    if not (ours.settled[0, step] or theirs.settled[step]):  # told by both, and no step's end
        return Compared("refused", f"hunts in step {step}", operations)
    what = (
        f"step {step}: ratio {ours.ratio[0, :, step]} and {theirs.ratio[:, step]}, "
        f"bank {ours.connected[0, :, step]} and {theirs.connected[:, step]}, "
        f"settled {ours.settled[0, step]} and {theirs.settled[step]}"
    )
    return Compared("different", what, operations)


def main(first: int, stop: int) -> None:
    """Compare the circuits of some seeds and print what came of them."""
    counts: Counter[str] = Counter()
    moved = np.zeros(2, int)
    still = 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(first, stop):
            found = compared(drawn(seed), Path(folder))
            counts[found.verdict] += 1
            moved += found.operations
            still += found.operations == (0, 0)
            if found.verdict != "equal":
                sys.stdout.write(f"{seed}: {found.verdict}: {found.why}\n")
    told = f"{moved[0]:,} taps, {moved[1]:,} banks; {still} circuits without any"
    sys.stdout.write(f"{dict(counts)}; {told}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
