"""Times BLAST-Lite on the same profiles, in an environment of its own (numpy below 2).

``python benchmarks/battery_ageing/blast_lite.py MODEL VEHICLES`` prints seconds of CPU that a
vehicle-year takes. Each day is one call of its update, the windows sharing their ends.
"""

import importlib
import sys
import time

import numpy as np

MODELS = {"large_lfp": "Lfp_Gr_250AhPrismatic", "large_nmc": "NMC_Gr_75Ah_A"}


def main(name: str, vehicles: int) -> None:
    """Age some vehicles for a year, one after the other."""
    known = importlib.import_module("blast.models")  # in another environment than ours
    profiles = importlib.import_module("profiles")  # beside this file
    soc, celsius = profiles.years(vehicles)
    begin = time.process_time()
    for number in range(vehicles):
        model = getattr(known, MODELS[name])()
        for day in range(365):
            part = slice(24 * day, 24 * day + 25)
            seconds = 3600.0 * np.arange(24 * day, 24 * day + 25)
            model.update_battery_state(seconds, soc[number, part], celsius[number, part])
    sys.stdout.write(f"{(time.process_time() - begin) / vehicles}\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
