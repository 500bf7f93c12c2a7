"""Signals of grid operators, records of the frequency, and prices of reserve, as published."""

from evergrid.data.signals.frequency import FrequencyColumns, read_frequency
from evergrid.data.signals.nyiso_ancillary import read_nyiso_regulation
from evergrid.data.signals.pjm_regulation import read_pjm_market
from evergrid.data.signals.table import read_signal

__all__ = [
    "FrequencyColumns",
    "read_frequency",
    "read_nyiso_regulation",
    "read_pjm_market",
    "read_signal",
]
