"""A file of a measured frequency, as a configuration names it."""

from pydantic import Field, model_validator

from evergrid.core.config import Config
from evergrid.core.timegrid import datetime64, utc, zone
from evergrid.data.signals.frequency import FrequencyColumns, Unit


class FrequencyFile(Config):
    """A file of a measured frequency."""

    file: str = Field(examples=["frequency.csv"])
    """Parquet or CSV; relative to this file, ${NAME:-default} is taken from the environment."""
    time_column: str = "time_utc"
    """Times, ISO 8601 with offset; of the local clock where time_zone is given."""
    frequency_column: str = "frequency_hz"
    """Readings."""
    unit: Unit = "hz"
    """What they are: "hz", or the deviation from nominal, "deviation_hz" or "deviation_mhz"."""
    voltage_columns: tuple[str, ...] = ()
    """Voltages: where all are far below their median, the bus is dead."""
    time_zone: str | None = Field(default=None, examples=["Europe/Madrid"])
    """IANA zone of times without offset."""
    start: str | None = Field(default=None, examples=["2025-01-14T18:00:00Z"])
    """Moment that the first reading is taken to be of, whatever its stamp; times may then be
    seconds, or times of a day. As stamped when absent."""

    @model_validator(mode="after")
    def _clock(self) -> "FrequencyFile":
        self.columns()
        return self

    def columns(self) -> FrequencyColumns:
        """How the table is laid out.

        Raises:
            InputError: An unknown zone, or a start without offset.
        """
        if self.time_zone is not None:
            zone(self.time_zone, field="time_zone")
        start = None if self.start is None else datetime64(utc(self.start, field="start"))
        return FrequencyColumns(
            self.time_column,
            self.frequency_column,
            self.unit,
            self.voltage_columns,
            self.time_zone,
            start,
        )
