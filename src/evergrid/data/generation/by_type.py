"""What the power stations of a grid generated, by type, brought to whole hours."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evergrid.core.arrays import Array, Float, Shaped
from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault, broken
from evergrid.data import meta
from evergrid.data.files.frames import Kind, load, source_columns
from evergrid.data.meta import Meta
from evergrid.data.quality import Finding, Quality

SOURCE = "generation_by_type"
SUFFIX = "_mw"
STORAGE = "storage"  # in the name of a type that may draw, where its operator nets it
HOUR = np.timedelta64(1, "h")
FILLED = "value is missing: filled between the values before and after"
LONGEST_FILL = 8  # rows without a value that are filled


@dataclass(frozen=True)
class HourlyGeneration:
    """Energy of each type in every hour.

    Attributes:
        time_utc: Start of each hour; none is missing.
        energy_mwh: By type, its column without `SUFFIX`.
        source: What it is, as reports name it.
    """

    time_utc: Shaped[Array, " hour"]
    energy_mwh: Mapping[str, Float[Array, " hour"]]
    source: str


def read(path: Path) -> tuple[HourlyGeneration, Meta]:
    """Generation of a file with ``time_utc`` and a column ``<type>_mw`` for each type.

    Rows may be of an hour or of equal parts of one. A few missing values are filled and told.

    Raises:
        InputError: No such columns, rows that are missing or not of one length, long gaps.
    """
    frame = load(path, ["time_utc"], source=SOURCE)
    names = [name for name in frame.columns if name.endswith(SUFFIX)]
    if not names:
        fix = "Name the columns after the types, such as fossil_gas_mw."
        raise InputError(SOURCE, [Fault("columns", f"hold one that ends with {SUFFIX}", fix=fix)])
    kinds = {"time_utc": Kind.INSTANT} | dict.fromkeys(names, Kind.NUMBER)
    table = source_columns(path, kinds, source=SOURCE)
    times = table["time_utc"].values.astype("datetime64[us]")
    width = _width(times)
    each = int(HOUR / width)
    begin = int(-(times[0] - times[0].astype("datetime64[h]")) // width) % each
    hours = (len(times) - begin) // each
    kept = slice(begin, begin + hours * each)
    energy, filled = {}, 0
    for name in names:
        values, count = _filled(name, table[name].values, times)
        if STORAGE not in name:
            rule, fix = "be at least 0: only a storage draws", "Leave consumption out."
            good = np.asarray(values >= 0)
            raise_if_any(SOURCE, broken(name, good, rule, values=values, ids=times, fix=fix))
        energy[name.removesuffix(SUFFIX)] = values[kept].reshape(hours, each).mean(axis=1)
        filled += count
    start = times[kept][::each]
    period = meta.period(start, start + HOUR)
    words = f"Generation by type, {path.stem}"
    finding = Finding(FILLED, "repaired", filled)
    return HourlyGeneration(start, energy, f"{words}, {period}"), Meta(
        source=SOURCE,
        title=meta.title("Generation by type", SOURCE, path, period),
        period=period,
        licence=meta.licence(path, "C", "terms of the transparency platform"),
        origin="the file's publisher, in the layout of ENTSO-E's types",
        currency=None,
        time_zone="UTC",
        quality=Quality(
            SOURCE, len(times), hours * each, filled, len(times) - hours * each, (finding,)
        ),
        assumptions={"imports": "not counted", "pumping": "not netted"},
    )


def _width(times: Shaped[Array, " row"]) -> np.timedelta64:
    """Length of a row.

    Raises:
        InputError: Rows of several lengths, or of none that an hour is a multiple of.
    """
    steps = np.diff(times)
    first = steps[0] if len(steps) else HOUR
    whole = first > np.timedelta64(0, "us") and HOUR % first == np.timedelta64(0, "us")
    if not whole or (steps != first).any():
        wrong = np.flatnonzero(steps != first)
        rows = tuple(int(k) + 2 for k in wrong[:50])
        rule = "follow one another every hour, or every equal part of one"
        fix = "Fill missing rows, and remove repeated ones."
        got = tuple(times[wrong[:50] + 1])
        raise InputError(SOURCE, [Fault("time_utc", rule, got, rows=rows, fix=fix)])
    return first


def _filled(
    name: str, values: Float[Array, " row"], times: Shaped[Array, " row"]
) -> tuple[Float[Array, " row"], int]:
    """The values without gaps, and how many were filled.

    Raises:
        InputError: A gap longer than `LONGEST_FILL`, or at either end.
    """
    missing = ~np.isfinite(values)
    if not missing.any():
        return values, 0
    if missing.all():
        fix = "Leave the column out: a type without values generates nothing that is known."
        raise InputError(SOURCE, [Fault(name, "have values", fix=fix)])
    row = np.arange(len(values))
    filled = np.interp(row, row[~missing], values[~missing], left=np.nan, right=np.nan)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], missing.astype(np.int8), [0]])))
    longest = int((edges[1::2] - edges[::2]).max())
    if longest > LONGEST_FILL or not np.isfinite(filled).all():
        at = np.flatnonzero(missing)
        rule = f"have no gap of more than {LONGEST_FILL} rows, and none at either end"
        rows = tuple(int(k) + 1 for k in at[:50])
        raise InputError(SOURCE, [Fault(name, rule, tuple(times[at[:50]]), rows=rows)])
    return filled, int(missing.sum())
