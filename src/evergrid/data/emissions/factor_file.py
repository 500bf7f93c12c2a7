"""How a public file lays out emission factors, and what is told of every such file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from evergrid.core.arrays import Array, Float, Shaped
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.text.nearest import did_you_mean
from evergrid.data import meta
from evergrid.data.emissions.unit import kg_per_mwh
from evergrid.data.files.frames import Kind, source_columns
from evergrid.data.meta import Meta
from evergrid.data.quality import Finding, Quality, examples
from evergrid.model.time_series.emission_factors import EmissionFactors, FactorKind

HOUR = np.timedelta64(1, "h")
NEGATIVE = "factor is below 0, as the source's model has it: kept"
HOURS_PER_YEAR = 8760


@dataclass(frozen=True)
class FactorFile:
    """A public layout of emission factors.

    Attributes:
        name: Of the format, as in a configuration.
        title: What the factors are, in words.
        columns: Column by the name of what may be chosen, such as a region.
        choice: What that is called among the options.
        unit: Of the values, a key of `unit.TO_KG_PER_MWH`.
        kind: Which question they answer.
        licence_class: Of the set as published.
        licence: Its licence there, in words.
        origin: Who publishes it.
        notes: What a summary says was assumed, by key.
    """

    name: str
    title: str
    columns: Mapping[str, str]
    choice: str
    unit: str
    kind: FactorKind
    licence_class: str
    licence: str
    origin: str
    notes: Mapping[str, str] = field(default_factory=dict)

    def column(self, chosen: str | None) -> str:
        """The column of what was chosen; the first where nothing was.

        Raises:
            InputError: There is no such column.
        """
        name = next(iter(self.columns)) if chosen is None else chosen
        if name not in self.columns:
            known = tuple(self.columns)
            fix = f"{did_you_mean(name, known)} Known: {', '.join(known)}.".lstrip()
            fault = Fault(self.choice, "be one that the file holds", (name,), fix=fix)
            raise InputError(self.name, [fault])
        return self.columns[name]

    def stamped(self, path: Path, chosen: str | None) -> tuple[EmissionFactors, Meta]:
        """Factors of a file with time stamps in UTC.

        Raises:
            InputError: Cells that cannot be read, values that no grid has.
        """
        name = self.column(chosen)
        table = source_columns(
            path, {"time_utc": Kind.INSTANT, name: Kind.NUMBER}, source=self.name
        )
        times = table["time_utc"].values.astype("datetime64[us]")
        return self._record(path, chosen, times, table[name].values, {})

    def by_hour(
        self, path: Path, chosen: str | None, *, year: int, utc_offset_h: float
    ) -> tuple[EmissionFactors, Meta]:
        """Factors of a file of the hours of a year, brought to a year.

        Args:
            path: The file; its rows are the hours in order.
            chosen: Which column.
            year: The year that the hours are taken to be of.
            utc_offset_h: Clock of the hours, without summer time, hours east of Greenwich.

        Raises:
            InputError: Another number of hours than the year has.
        """
        name = self.column(chosen)
        values = source_columns(path, {name: Kind.NUMBER}, source=self.name)[name].values
        begin = datetime(year, 1, 1, tzinfo=UTC)
        hours = round((datetime(year + 1, 1, 1, tzinfo=UTC) - begin) / timedelta(hours=1))
        if len(values) != hours:
            rule = f"have a row for each of the {hours:,} hours of {year}"
            fix = "Choose a year without 29 February, or give factors of that year."
            raise InputError(self.name, [Fault("rows", rule, (f"{len(values):,} rows",), fix=fix)])
        start = np.datetime64(begin.replace(tzinfo=None), "us")
        start -= np.timedelta64(round(3600 * utc_offset_h), "s")
        times = start + np.arange(hours) * HOUR
        zone = f"hours of the year at UTC{utc_offset_h:+g}, taken to be of {year}"
        return self._record(path, chosen, times, values, {"hours": zone})

    def _record(
        self,
        path: Path,
        chosen: str | None,
        times: Shaped[Array, " row"],
        values: Float[Array, " row"],
        notes: Mapping[str, str],
    ) -> tuple[EmissionFactors, Meta]:
        name = next(iter(self.columns)) if chosen is None else chosen
        source = f"{self.title}, {self.choice} {name}"
        factors = EmissionFactors(times, kg_per_mwh(values, self.unit), self.kind, source)
        step = times[1] - times[0] if len(times) > 1 else HOUR
        period = meta.period(times, times + step)
        below = values < 0
        finding = Finding(NEGATIVE, "kept", int(below.sum()), examples(below, times))
        return factors, Meta(
            source=self.name,
            title=meta.title(source, self.name, path, period),
            period=period,
            licence=meta.licence(path, self.licence_class, self.licence),
            origin=self.origin,
            currency=None,
            time_zone="UTC",
            quality=Quality(self.name, len(values), len(values), 0, 0, (finding,)),
            assumptions={"kind": self.kind, **self.notes, **notes},
        )
