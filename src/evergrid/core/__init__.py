"""The vocabulary every other package speaks: units, time, arrays, faults, errors, status."""
