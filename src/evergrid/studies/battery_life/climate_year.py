"""A year in a climate: what batteries go through, how warm they get, and where energy is lost."""

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from evergrid.battery.ageing.profile import HIGHEST_C, LOWEST_C
from evergrid.battery.converter import TWO_WAY_K0, TWO_WAY_K2, Converter, LossCurve
from evergrid.battery.thermal import ThermalMass
from evergrid.core.arrays import Array, Bool, Float
from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.units import H_PER_DAY, J_PER_KJ, J_PER_KWH, W_PER_KW
from evergrid.data.files.locate import locate
from evergrid.data.tables import read_weather
from evergrid.model.time_series.weather import Weather
from evergrid.studies.battery_life.config import Charger, Climate, Config, Pack, Thermal, Use
from evergrid.studies.battery_life.daily_profile import (
    DAYS_PER_YEAR,
    air_temperature_c,
    day_means_c,
    drive_factor,
    year_of_charge,
)

STEP_H = 0.5  # between points of a profile
MOVES_KW = 1e-9  # of cells, below which they rest
# Both ways; k1 is what a measured round trip adds.
CURVE = LossCurve(TWO_WAY_K0, 0.0, TWO_WAY_K2)


@dataclass(frozen=True)
class YearEnergy:
    """Where the energy of a year goes, of new batteries; it is all accounted for.

    Attributes:
        drawn_kwh: From the grid, preheating included.
        fed_kwh: Into the grid.
        driving_kwh: Out of the pack, for driving.
        lost_in_cells_kwh: Heat of the pack's resistance.
        lost_in_charger_kwh: Between grid and pack, standby included.
        preheating_kwh: Heat for cold packs before vehicles leave.
    """

    drawn_kwh: Float[Array, " strategy"]
    fed_kwh: Float[Array, " strategy"]
    driving_kwh: Float[Array, " strategy"]
    lost_in_cells_kwh: Float[Array, " strategy"]
    lost_in_charger_kwh: Float[Array, " strategy"]
    preheating_kwh: Float[Array, " strategy"]

    def columns(self) -> dict[str, Float[Array, " strategy"]]:
        """Each part by its name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True)
class SlowedCharging:
    """Charging at home with more current than cells of its temperature may be charged with.

    Attributes:
        hours: In a year.
        late_kwh: Energy that the cells then take later than the strategy has it.
    """

    hours: Float[Array, " strategy"]
    late_kwh: Float[Array, " strategy"]


@dataclass(frozen=True)
class ClimateYear:
    """What batteries go through in a year.

    Attributes:
        day_c: Mean temperature of the air on each day.
        state_of_charge: At points `STEP_H` apart; the last is the first.
        temperature_c: Of the cells.
        energy: Where the energy of the year goes.
        slowed: Charging that the cold would slow.
    """

    day_c: Float[Array, " day"]
    state_of_charge: Float[Array, "strategy point"]
    temperature_c: Float[Array, "strategy point"]
    energy: YearEnergy
    slowed: SlowedCharging


def of(config: Config, climate: Climate, folder: Path) -> ClimateYear:
    """The year of every strategy in a climate.

    Raises:
        MissingFileError, UnreadableFileError: The weather's file is not there, or no table.
        InputError: A day takes more energy, time or power than there is; a year with gaps.
    """
    use, pack = config.use, config.pack
    day_c = _days(climate, folder)
    drive_kwh = use.drive_kwh * drive_factor(use, day_c)
    state = np.array(
        [year_of_charge(use, pack, one, drive_kwh, step_h=STEP_H) for one in config.strategy]
    )
    hour = np.arange(state.shape[1]) * STEP_H
    air_c = air_temperature_c(day_c, climate.day_c, hour)
    cells_kw = -np.diff(state, axis=1) * pack.capacity_kwh / STEP_H
    heat_kw = (cells_kw * W_PER_KW / pack.voltage_v) ** 2 * pack.resistance_ohm / W_PER_KW
    temperature_c, preheating_kwh = _warmed(config.thermal, use, air_c, heat_kw)
    _within_models(config, climate, air_c, temperature_c)
    energy = _energy(config, cells_kw, heat_kw, preheating_kwh)
    slowed = _slowed(pack, use, cells_kw, temperature_c)
    return ClimateYear(day_c, state, temperature_c, energy, slowed)


def _slowed(
    pack: Pack,
    use: Use,
    cells_kw: Float[Array, "strategy step"],
    temperature_c: Float[Array, "strategy point"],
) -> SlowedCharging:
    """Charging that is faster than the cold allows, at the temperatures that it leads to."""
    begin_c = temperature_c[:, :-1]
    share = np.interp(begin_c, pack.charge_temperature_c, pack.charge_share)
    most_kw = share * pack.most_a * pack.voltage_v / W_PER_KW
    over_kw = np.where(_away(use, cells_kw.shape[1]), 0.0, np.maximum(-cells_kw - most_kw, 0.0))
    return SlowedCharging(
        hours=STEP_H * (over_kw > MOVES_KW).sum(axis=1), late_kwh=STEP_H * over_kw.sum(axis=1)
    )


def _away(use: Use, steps: int) -> Bool[Array, " step"]:
    """Steps of a year in which vehicles are not at home."""
    hour = (np.arange(steps) + 0.5) * STEP_H % H_PER_DAY
    return (hour >= use.leave_h) & (hour < use.return_h)


def calibrated(charger: Charger, pack: Pack) -> Converter:
    """The charger whose round trip at its rating, with the pack's own, is as given.

    Raises:
        InputError: No charger of this kind has it.
    """
    cells = 1.0 - charger.rating_kw * W_PER_KW * pack.resistance_ohm / pack.voltage_v**2
    plain = Converter(charger.rating_kw, CURVE, CURVE, charger.standby_w / W_PER_KW)
    return plain.calibrated(charger.round_trip, charger.rating_kw, battery=max(cells, 0.01) ** 2)


def _days(climate: Climate, folder: Path) -> Float[Array, " day"]:
    """Mean temperature of the days of a year."""
    if climate.weather_file is None:
        assert climate.mean_c is not None  # one at least of both is given
        return day_means_c(climate.mean_c, climate.season_c)
    weather = read_weather(locate(climate.weather_file, folder), time_zone=climate.time_zone)
    day_c = _first_year(weather, climate.name)
    return day_c if climate.mean_c is None else day_c + (climate.mean_c - day_c.mean())


def _first_year(weather: Weather, name: str) -> Float[Array, " day"]:
    """The first 365 days of a table, turned so that they begin at New Year."""
    days = np.sort(weather.day)
    year = days[0] + np.arange(DAYS_PER_YEAR) if len(days) else days
    if len(days) < DAYS_PER_YEAR or not np.isin(year, days).all():
        fix = f"{name}: {len(days)} days are given; a year without gaps is needed."
        rule = f"have {DAYS_PER_YEAR} days in a row"
        raise InputError("weather", [Fault("day", rule, (len(days),), fix=fix)])
    since_new_year = (year[0] - year[0].astype("datetime64[Y]").astype("datetime64[D]")).astype(int)
    return np.roll(weather.on(year), int(since_new_year))


def _warmed(
    thermal: Thermal,
    use: Use,
    air_c: Float[Array, " point"],
    heat_kw: Float[Array, "strategy step"],
) -> tuple[Float[Array, "strategy point"], Float[Array, " strategy"]]:
    """Temperature of the cells, and what heating them before leaving takes.

    The year follows itself: it begins as warm as it ends.
    """
    mass = ThermalMass(thermal.heat_capacity_kj_per_k * J_PER_KJ, thermal.conductance_w_per_k)
    each = round(H_PER_DAY / STEP_H)
    leaving = np.arange(len(air_c)) % each == int(np.ceil(use.leave_h / STEP_H)) % each
    middle_c = (air_c[:-1] + air_c[1:]) / 2.0
    cells_c = np.empty((len(heat_kw), len(air_c)))
    cells_c[:, -1] = air_c[0]
    heated_c = np.zeros(len(heat_kw))
    for _ in range(2):  # what the first begin had wrong is gone long before its end
        cells_c[:, 0] = cells_c[:, -1]
        heated_c[:] = 0.0
        for k in range(len(middle_c)):
            if thermal.preheat_c is not None and leaving[k]:
                warmer = np.maximum(cells_c[:, k], thermal.preheat_c)
                heated_c += warmer - cells_c[:, k]
                cells_c[:, k] = warmer
            heat_w = heat_kw[:, k] * W_PER_KW
            air = np.full(len(heat_w), middle_c[k])
            cells_c[:, k + 1] = mass.warmed(cells_c[:, k], heat_w, air, step_h=STEP_H)
    heating_kwh = heated_c * (mass.heat_capacity_j_per_k / J_PER_KWH)
    return cells_c, heating_kwh


def _energy(
    config: Config,
    cells_kw: Float[Array, "strategy step"],
    heat_kw: Float[Array, "strategy step"],
    preheating_kwh: Float[Array, " strategy"],
) -> YearEnergy:
    """Where the energy goes; cells that rest at home leave the charger in standby."""
    converter, use = calibrated(config.charger, config.pack), config.use
    pack_kw = cells_kw - heat_kw  # at the terminals
    away = _away(use, cells_kw.shape[1])
    moves = np.abs(cells_kw) > MOVES_KW
    grid_kw = np.where(moves, converter.grid_kw(pack_kw), -converter.standby_kw)
    grid_kw = np.where(away, 0.0, grid_kw)
    _within_rating(config, grid_kw)

    def summed(power_kw: Float[Array, "strategy step"]) -> Float[Array, " strategy"]:
        return power_kw.sum(axis=1) * STEP_H

    return YearEnergy(
        drawn_kwh=summed(np.maximum(-grid_kw, 0.0)) + preheating_kwh,
        fed_kwh=summed(np.maximum(grid_kw, 0.0)),
        driving_kwh=summed(np.where(away, pack_kw, 0.0)),
        lost_in_cells_kwh=summed(heat_kw),
        lost_in_charger_kwh=summed(np.where(away, 0.0, pack_kw - grid_kw)),
        preheating_kwh=preheating_kwh,
    )


def _within_models(
    config: Config,
    climate: Climate,
    air_c: Float[Array, " point"],
    cells_c: Float[Array, "strategy point"],
) -> None:
    """Refuse air and cells as cold or warm as no ageing model was measured at.

    Raises:
        InputError: They are.
    """
    rule = f"keep {{}} within {LOWEST_C:g} to {HIGHEST_C:g} C, where cells are in use"
    ends = (float(air_c.min()), float(air_c.max()))
    faults = []
    if ends[0] < LOWEST_C or ends[1] > HIGHEST_C:
        fix = f"{climate.name}: temperatures are in C; lower day_c, or shift the year by mean_c."
        faults.append(Fault("climate.weather_file", rule.format("the air"), ends, fix=fix))
    else:
        for one, cells in zip(config.strategy, cells_c, strict=True):
            ends = (float(cells.min()), float(cells.max()))
            if ends[0] < LOWEST_C or ends[1] > HIGHEST_C:
                fix = (
                    f"{one.name} in {climate.name}: raise conductance_w_per_k, or charge and feed "
                    "with less power."
                )
                faults.append(Fault("thermal", rule.format("the cells"), ends, fix=fix))
    raise_if_any("config", faults)


def _within_rating(config: Config, grid_kw: Float[Array, "strategy step"]) -> None:
    """Refuse strategies that ask more of the charger than its rating.

    Raises:
        InputError: They do.
    """
    faults = []
    for one, power_kw in zip(config.strategy, grid_kw, strict=True):
        most = float(np.abs(power_kw).max())
        if most > config.charger.rating_kw * (1 + 1e-9):
            fix = f"{one.name}: charge or feed with less, or raise charger.rating_kw."
            rule = f"stay within the charger's {config.charger.rating_kw:g} kW at the grid"
            faults.append(Fault("strategy.charge_kw, export_kw", rule, (most,), fix=fix))
    if faults:
        raise InputError("config", faults)
