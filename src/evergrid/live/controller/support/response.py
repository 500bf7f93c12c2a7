"""Does a station do what its grid functions say? Its meter values are held against the curves."""

from dataclasses import dataclass, field
from enum import StrEnum

from evergrid.live.controller.support.curves import (
    FREQ_DROOP,
    VOLT_VAR,
    expected_kvar,
    expected_shift_kw,
)
from evergrid.live.controller.vehicles.vehicle import PowerRange
from evergrid.live.devices.adapter import MeterReading
from evergrid.live.ocpp.grid_functions import FreqDroop, VoltVar

TOLERANCE_SHARE = 0.03  # of the rating, by which a meter may differ from a curve
TOLERANCE_KW = 0.3  # or kvar
VOLTAGE_TOLERANCE_PU = 0.002  # of a meter
FREQUENCY_TOLERANCE_HZ = 0.005
HITS = 2  # meter values in a row, after which it is verified
SETTLE_S = 5.0  # beyond the response time, before a meter value must agree


class ResponseState(StrEnum):
    """What is known of a function of a station."""

    UNSEEN = "unseen"  # it was read back; the grid has not asked for anything yet
    VERIFIED = "verified"
    UNRESPONSIVE = "unresponsive"


@dataclass
class StationResponse:
    """One function of a station, and what its meter showed of it.

    Attributes:
        function: As it was read back.
        since_s: When, UTC seconds since 1970.
        rating_kva: Of the station.
        misses_allowed: Meter values in a row that may contradict it.
        state: What is known.
    """

    function: VoltVar | FreqDroop
    since_s: float
    rating_kva: float
    misses_allowed: int
    state: ResponseState = ResponseState.UNSEEN
    _hits: int = field(default=0, repr=False)
    _misses: int = field(default=0, repr=False)

    @property
    def kind(self) -> str:
        """In the words of OCPP."""
        return VOLT_VAR if isinstance(self.function, VoltVar) else FREQ_DROOP

    def observe(
        self,
        reading: MeterReading,
        voltage_v: float,
        ordered_kw: float,
        power_range: PowerRange,
    ) -> bool:
        """Take in a meter value; returns whether what is known has changed.

        A value counts only where the grid asks for more than a meter can miss, or where something
        flows that was not asked for.

        Args:
            reading: Of the station.
            voltage_v: Nominal.
            ordered_kw: Power that it accepted.
            power_range: Of the station with its vehicle.
        """
        if reading.time_s < self.since_s + self.function.response_s + SETTLE_S:
            return False
        found = self._expected(reading, voltage_v, ordered_kw, power_range)
        if found is None:
            return False
        expected, measured, tolerance = found
        misses = abs(measured - expected) > tolerance
        if not misses and abs(expected) <= tolerance:
            return False
        self._misses = self._misses + 1 if misses else 0
        self._hits = 0 if misses else self._hits + 1
        before = self.state
        if self._misses >= self.misses_allowed:
            self.state = ResponseState.UNRESPONSIVE
        elif self._hits >= HITS:
            self.state = ResponseState.VERIFIED
        return self.state is not before

    def _expected(
        self,
        reading: MeterReading,
        voltage_v: float,
        ordered_kw: float,
        power_range: PowerRange,
    ) -> tuple[float, float, float] | None:
        """What the curve asks for, what is measured, and by how much they may differ."""
        least = max(TOLERANCE_SHARE * self.rating_kva, TOLERANCE_KW)
        power_kw = reading.power_kw
        if power_kw is None:
            return None
        if isinstance(self.function, VoltVar):
            if reading.voltage_v is None or reading.reactive_kvar is None:
                return None
            at_pu = reading.voltage_v / voltage_v
            around = [
                expected_kvar(self.function, at_pu + off, self.rating_kva, power_kw)
                for off in (-VOLTAGE_TOLERANCE_PU, 0.0, VOLTAGE_TOLERANCE_PU)
            ]
            return around[1], reading.reactive_kvar, least + max(around) - min(around)
        if reading.frequency_hz is None:
            return None
        around = [
            power_range.given_kw(ordered_kw + shift, power_kw) - ordered_kw
            for shift in (
                expected_shift_kw(self.function, reading.frequency_hz + off, self.rating_kva)
                for off in (-FREQUENCY_TOLERANCE_HZ, 0.0, FREQUENCY_TOLERANCE_HZ)
            )
        ]
        return around[1], power_kw - ordered_kw, least + max(around) - min(around)
