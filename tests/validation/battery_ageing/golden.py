"""Makes the golden numbers with BLAST-Lite, in an environment of its own (numpy below 2).

``python tests/validation/battery_ageing/golden.py`` with blast-lite 1.1.1. Windows share
their end points: BLAST-Lite's own loop drops an interval of each.
"""

import csv
import importlib
import sys
from pathlib import Path

import numpy as np

MODELS = {
    "large_lfp": "Lfp_Gr_250AhPrismatic",
    "large_nmc": "NMC_Gr_75Ah_A",
    "schmalstieg": "Nmc111_Gr_Sanyo2Ah_Battery",
}
BATTERIES, DAYS = 6, 40


def profiles() -> tuple[np.ndarray, np.ndarray]:
    """State of charge and temperature of some batteries over days of hourly steps."""
    hour = np.arange(DAYS * 24 + 1)
    number = np.arange(BATTERIES)[:, None]
    fast = np.sin(2 * np.pi * hour / 24 + number) * (0.1 + 0.05 * number)
    slow = 0.1 * np.cos(2 * np.pi * hour / (24 * 7) * (1 + number % 3))
    resting = (hour // 24 % 5 == 3) & (number % 2 == 0)
    soc = np.where(resting, 0.5, 0.5 + fast + slow)
    temperature = 15 + 4.0 * number + 8 * np.sin(2 * np.pi * hour / (24 * 30))
    return soc, temperature


def main() -> None:
    """Write golden.csv."""
    known = importlib.import_module("blast.models")  # in another environment than ours
    soc, temperature = profiles()
    rows = []
    for name, theirs in MODELS.items():
        for battery in range(BATTERIES):
            model = getattr(known, theirs)()
            for day in range(DAYS):
                part = slice(24 * day, 24 * day + 25)
                seconds = np.arange(24 * day, 24 * day + 25) * 3600.0
                model.update_battery_state(seconds, soc[battery, part], temperature[battery, part])
            left, resistance = model.outputs["q"][-1], model.outputs.get("r", [1.0])[-1]
            rows.append((name, battery, repr(float(left)), repr(float(resistance))))
    with Path(__file__).with_name("golden.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("model", "battery", "capacity", "resistance"), *rows])
    sys.stdout.write(f"{len(rows)} rows\n")


if __name__ == "__main__":
    main()
