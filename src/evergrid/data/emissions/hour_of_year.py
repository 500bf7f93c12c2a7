"""The year and the clock that hours of a year, which have no stamps, are given."""

from dataclasses import dataclass

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault

YEARS = (1990, 2100)


@dataclass(frozen=True)
class HourOfYear:
    """What makes an instant of the number of an hour.

    Attributes:
        year: The year.
        utc_offset_h: Hours east of Greenwich, the same all year.
    """

    year: int
    utc_offset_h: float

    @classmethod
    def of(cls, year: str, utc_offset_h: str, *, source: str) -> "HourOfYear":
        """From options of a configuration, which are texts.

        Raises:
            InputError: Options that are no numbers, or no year and no offset of any clock.
        """
        faults = []
        number = int(year) if year.isdigit() else 0
        if not YEARS[0] <= number <= YEARS[1]:
            fix = 'Give the year that the hours are to be taken of, such as "2023".'
            rule = f"be a year from {YEARS[0]} to {YEARS[1]}"
            faults.append(Fault("year", rule, (year,), fix=fix))
        try:
            offset = float(utc_offset_h)
        except ValueError:
            offset = float("nan")
        if not -12.0 <= offset <= 14.0:
            fix = 'Give the standard time of the source, such as "-8" for California.'
            rule = "be hours east of Greenwich, -12 to 14"
            faults.append(Fault("utc_offset_h", rule, (utc_offset_h,), fix=fix))
        if faults:
            raise InputError(source, faults)
        return cls(number, offset)
