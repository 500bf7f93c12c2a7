"""The models of a battery life study: published ones, and those of the user's own cells."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from evergrid.battery.ageing import fit, life
from evergrid.battery.ageing.fitted_cell import FittedCell
from evergrid.battery.ageing.life import MODELS
from evergrid.battery.ageing.model import AbstractAgeingModel, Fade
from evergrid.battery.ageing.profile import HIGHEST_C, LOWEST_C, Profile
from evergrid.core.arrays import Array, Float
from evergrid.core.errors import InputError
from evergrid.core.units import H_PER_DAY
from evergrid.data.files.locate import locate
from evergrid.data.tables import read_cell_tests
from evergrid.studies.battery_life.climate_year import STEP_H, ClimateYear
from evergrid.studies.battery_life.config import Config
from evergrid.studies.battery_life.findings import FittedPart, StressMap

STATE_ENDS = np.linspace(0.0, 1.0, 21)
CELSIUS_ENDS = np.arange(LOWEST_C, HIGHEST_C + 1.0, 2.5)


def read(config: Config, folder: Path) -> tuple[list[AbstractAgeingModel], tuple[FittedPart, ...]]:
    """The models in the order of their names, and how the user's cells were fitted.

    Raises:
        MissingFileError, UnreadableFileError: A file of tests is not there, or no table.
        InputError: Tests that break rules, or that no law can be fitted to.
    """
    own = [
        FittedCell(one.name, [read_cell_tests(locate(name, folder)) for name in one.files])
        for one in config.cell_tests
    ]
    parts = [
        FittedPart(cell.name, part, law, _held_out(law))
        for cell in own
        for part, law in cell.laws.items()
    ]
    return [*(MODELS[name] for name in config.models), *own], tuple(parts)


def years(model: AbstractAgeingModel, profile: Profile, count: int) -> Iterator[Fade]:
    """The fade at the end of each of some equal years."""
    fade = Fade.new(len(profile.soc))
    for _ in range(count):
        fade = life.after(model, profile, fade)
        yield fade


def beyond(model: AbstractAgeingModel, profile: Profile, years_lived: int) -> tuple[str, ...]:
    """For each battery, with what its years leave the experiments of a model, in words.

    For a user's cells that includes days and cycles beyond the longest test.
    """
    left = model.tested.beyond(profile)
    found = [[what for what, some in left.items() if some[n]] for n in range(len(profile.soc))]
    if isinstance(model, FittedCell):
        moved = np.abs(np.diff(profile.soc, axis=1)).sum(axis=1) / 2.0
        days = profile.hours / H_PER_DAY * years_lived
        for words, more in zip(found, model.beyond_tests(days, moved * years_lived), strict=True):
            words += more
    return tuple(", ".join(words) for words in found)


def stress_map(models: Sequence[AbstractAgeingModel], years_of: Sequence[ClimateYear]) -> StressMap:
    """Where calendar ageing happens: time in each state and temperature, times its rate there."""
    hours = np.array(
        [
            [
                np.histogram2d(state[:-1], celsius[:-1], bins=(STATE_ENDS, CELSIUS_ENDS))[0]
                for state, celsius in zip(year.state_of_charge, year.temperature_c, strict=True)
            ]
            for year in years_of
        ]
    )
    hours /= hours.sum(axis=(-2, -1), keepdims=True)
    shares = np.zeros_like(hours)
    rates = [rate for model in models if (rate := calendar_rates(model)).any()]
    for rate in rates:
        stress = hours * rate
        shares += stress / stress.sum(axis=(-2, -1), keepdims=True) / len(rates)
    return StressMap(STATE_ENDS, CELSIUS_ENDS, shares, hours)


def calendar_rates(model: AbstractAgeingModel) -> Float[Array, "state celsius"]:
    """Fade of a new battery in its first day at rest, in the middle of each bin."""
    state = (STATE_ENDS[:-1] + STATE_ENDS[1:]) / 2.0
    celsius = (CELSIUS_ENDS[:-1] + CELSIUS_ENDS[1:]) / 2.0
    points = round(H_PER_DAY / STEP_H) + 1
    soc, warm = (grid.ravel() for grid in np.meshgrid(state, celsius, indexing="ij"))
    resting = Profile(
        STEP_H,
        np.repeat(soc[:, None], points, axis=1),
        np.repeat(warm[:, None], points, axis=1),
    )
    fade = model.aged(Fade.new(len(soc)), resting)
    return fade.calendar.reshape(len(state), len(celsius))


def _held_out(law: fit.FadeLaw) -> fit.HeldOutError | None:
    """How well the law predicts cells that were left out; None where too few are left then."""
    try:
        return fit.held_out(law.tests)
    except InputError:
        return None
