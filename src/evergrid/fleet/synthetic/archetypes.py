"""How each kind of place is used: the constants of the mobility model, each with its source.

Cars: quantile tables fitted to a part of open session data, by
``python -m tests.validation.mobility.fit``; other parts and other sites are held out and compared
in ``tests/validation/mobility``. Buses: published figures, see `school_bus`. "Assumed" marks what
no source was found for.
"""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float

# A day's arrivals run from 4 h to 28 h: a car that comes home at 1 h belongs to the evening before.
DAWN_H = 4.0
# Arrival hours at which the table of stays changes row.
BLOCKS_H = (4.0, 8.0, 10.0, 12.0, 14.0, 16.0, 18.0, 20.0, 22.0, 28.0)
# Probabilities of the columns of every table below.
PROBABILITIES = (0.0, 0.02, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.98, 1.0)
LONGEST_STAY_H = 48.0  # longer connections are left out of the fitted data

# Share of the variance of normal scores that lies between users, not between one user's days;
# fitted to home sessions (Norway, users with at least 30 sessions), the only ones that name users.
ARRIVAL_HABIT = 0.14
STAY_HABIT = 0.21
ENERGY_HABIT = 0.42
# Users' shares of days plugged in follow a beta distribution; a + b fitted to 119 users there.
PLUG_IN_BETA_TOTAL = 5.3
# Rank correlation of a user's mean energy with the battery size, the 148 users who have both.
CAPACITY_WITH_ENERGY = 0.77
# A user's energy per session above the year's mean on the coldest day, fitted there (cosine).
WINTER_SHARE = 0.034
# Usable battery, kWh: quantiles of the sizes that the data's authors estimate for the same 148:
# Sørensen et al. (2024), Data in Brief, doi 10.1016/j.dib.2024.110883, users table of the deposit.
# The cars are of 2018 to 2021, plug-in hybrids among them.
CAPACITY_KWH = (6.4, 8.0, 14.1, 18.8, 23.4, 26.9, 30.4, 39.4, 47.3, 61.1, 72.9, 86.5, 94.3)

# Drivers leave with this share of the battery, uniform between the two (assumed).
DEPARTURE_SHARES = (0.8, 1.0)
FLOOR_SHARE = 0.05  # no car arrives emptier (assumed)
# Most of what the charger could give in the stay that is ever owed: the margin that keeps every
# session feasible on a grid of steps (assumed).
REACHABLE_SHARE = 0.9
SHORTEST_STAY = np.timedelta64(5, "m")  # shorter connections are left out of the fitted data


@dataclass(frozen=True)
class Archetype:
    """How cars use one kind of place. Rows of quantiles stand at `PROBABILITIES`.

    Attributes:
        arrival_weekday_h: Local hour on arrival, 4 to 28.
        arrival_weekend_h: The same on weekends and holidays.
        stay_h: Time connected, one row per block of arrival hours.
        energy_kwh: Energy drawn at the plug.
        energy_with_stay: Rank correlation of energy and stay.
        plug_in_share: Mean share of weekdays on which a car plugs in here.
        weekend_ratio: Arrivals on a weekend day per arrivals on a weekday.
    """

    arrival_weekday_h: Float[Array, " quantile"]
    arrival_weekend_h: Float[Array, " quantile"]
    stay_h: Float[Array, "block quantile"]
    energy_kwh: Float[Array, " quantile"]
    energy_with_stay: float
    plug_in_share: float
    weekend_ratio: float


# Fitted to 24,657 sessions in Norwegian apartment buildings outside Trondheim, Bergen and Bodø:
# Sørensen et al. (2024), Electric vehicle charging dataset with 35,000 charging sessions from 12
# residential locations in Norway, Data in Brief, doi 10.1016/j.dib.2024.110883.
HOME = Archetype(
    arrival_weekday_h=np.array(
        (4, 7.45, 12.08, 14.57, 15.73, 16.68, 17.62, 18.97, 20.25, 21.45, 22.85, 25.95, 27.98)
    ),
    arrival_weekend_h=np.array(
        (4.02, 6.13, 11.51, 13.53, 15.07, 16.33, 17.53, 18.75, 19.92, 21.4, 23.1, 26.37, 27.98)
    ),
    stay_h=np.array(
        [
            (0.2, 0.38, 2.25, 4.45, 5.65, 6.78, 8.16, 9.62, 11.62, 14.13, 15.23, 31.1, 40.2),
            (0.13, 0.47, 1.15, 1.89, 2.68, 3.72, 4.53, 5.19, 6.07, 7.09, 8.62, 26.5, 47.73),
            (0.15, 0.47, 0.85, 1.37, 1.95, 2.62, 3.55, 4.47, 5.62, 7.68, 21.47, 30.53, 47.48),
            (0.12, 0.35, 1.07, 1.63, 2.13, 2.72, 3.62, 4.91, 7.48, 19.48, 22.98, 31.03, 47.63),
            (0.1, 0.52, 1.18, 1.93, 2.79, 4.02, 7.32, 14.78, 15.93, 18.79, 22.65, 42.82, 47.78),
            (0.1, 0.43, 1.12, 2.08, 3.55, 13.09, 14.08, 14.73, 15.84, 18.2, 21.8, 40.79, 47.98),
            (0.15, 0.53, 1.37, 3.19, 10.98, 12.17, 13.05, 14.15, 15.59, 17.25, 20.96, 41.13, 47.98),
            (0.1, 0.55, 4.47, 9.47, 10.18, 10.75, 11.53, 12.54, 14.08, 15.81, 18.97, 37.27, 47),
            (0.15, 0.78, 5.96, 7.87, 8.7, 9.4, 10.57, 11.82, 13.23, 14.7, 17.65, 36.42, 45.82),
        ]
    ),
    energy_kwh=np.array(
        (0.5, 1.22, 2.84, 4.41, 5.88, 7.3, 9.01, 11.4, 14.36, 18.53, 26.94, 47.88, 85.68)
    ),
    energy_with_stay=0.33,
    plug_in_share=0.43,  # fitted there: days with a plug-in, 119 users
    weekend_ratio=0.87,
)
# Fitted to two sites of equal weight, to October 2019. 9,119 sessions at JPL, California: Lee, Li,
# Low (2019), ACN-Data, e-Energy '19, doi 10.1145/3307772.3328313. 15,281 sessions at the offices of
# SAP Labs France (open data of SAP Labs France, 2017 to 2021).
WORKPLACE = Archetype(
    arrival_weekday_h=np.array(
        (4.03, 5.7, 6.48, 7.09, 7.52, 8.14, 8.77, 9.24, 11.21, 13.41, 15.06, 17.85, 27.97)
    ),
    arrival_weekend_h=np.array(
        (5.68, 5.73, 7.17, 9.07, 10.44, 11.24, 12.13, 12.86, 13.9, 15.38, 17.44, 27.77, 27.96)
    ),
    stay_h=np.array(
        [
            (0.1, 1.77, 4.31, 6.27, 8.18, 8.94, 9.32, 9.55, 9.84, 10.19, 10.8, 12.22, 47.83),
            (0.09, 0.68, 1.92, 2.79, 3.21, 3.64, 4.23, 5.31, 7.57, 8.38, 9.21, 10.49, 33.57),
            (0.09, 0.38, 1.03, 1.51, 2.34, 3.55, 4.37, 5.28, 5.85, 6.49, 7.5, 9.5, 28.59),
            (0.09, 0.43, 1.23, 2.34, 3.05, 3.46, 3.79, 4.09, 4.47, 4.86, 5.44, 6.93, 27.13),
            (0.1, 0.39, 1.04, 1.65, 2.05, 2.36, 2.7, 2.98, 3.35, 3.81, 4.53, 7.28, 44.3),
            (0.09, 0.22, 0.5, 0.76, 1.04, 1.34, 1.54, 1.93, 2.25, 2.73, 3.59, 15.18, 25.64),
            (0.1, 0.12, 0.34, 0.51, 0.72, 0.94, 1.26, 1.98, 2.68, 4.87, 7.12, 16.39, 22.86),
            (0.12, 0.18, 0.66, 1.92, 2.88, 3.43, 3.73, 4.12, 4.46, 5.19, 9.32, 23.86, 36.39),
            (0.38, 0.4, 1.33, 2.23, 2.97, 4.07, 5.67, 8.26, 9.44, 9.52, 9.6, 13.77, 13.77),
        ]
    ),
    energy_kwh=np.array(
        (0.51, 1.06, 5.39, 7.37, 9.79, 12.26, 14.51, 17.84, 21.89, 28.02, 37.05, 53.86, 86.35)
    ),
    energy_with_stay=0.08,
    plug_in_share=0.6,  # assumed: three of five working days
    weekend_ratio=0.06,
)
# Fitted to 14,079 sessions at Level 2 ports of the City of Boulder, to October 2019 (City of
# Boulder open data, Electric Vehicle Charging Station Energy Consumption, 2018 to 2021).
PUBLIC = Archetype(
    arrival_weekday_h=np.array(
        (4.28, 6.03, 8.02, 9.15, 10.65, 11.98, 13.17, 14.65, 16.45, 17.72, 18.92, 21.35, 27.43)
    ),
    arrival_weekend_h=np.array(
        (4.73, 7.55, 9.18, 10.68, 11.65, 12.58, 13.53, 14.92, 16.35, 17.5, 18.7, 20.95, 27.98)
    ),
    stay_h=np.array(
        [
            (0.08, 0.57, 0.93, 1.18, 1.58, 2.02, 2.18, 2.52, 3.12, 4.23, 5.75, 9.68, 27.72),
            (0.08, 0.38, 0.95, 1.28, 1.68, 1.97, 2.23, 2.58, 3.16, 3.98, 5.48, 9.3, 46.5),
            (0.08, 0.25, 0.68, 1.02, 1.29, 1.5, 1.75, 2.07, 2.4, 2.92, 4.1, 21.56, 46.98),
            (0.08, 0.27, 0.63, 0.93, 1.17, 1.42, 1.67, 1.95, 2.25, 2.93, 4.15, 21.99, 47.07),
            (0.08, 0.27, 0.6, 0.87, 1.05, 1.23, 1.48, 1.78, 2.12, 2.73, 4.22, 21.64, 47.48),
            (0.08, 0.22, 0.63, 0.9, 1.1, 1.32, 1.52, 1.78, 2.1, 2.53, 3.43, 15.98, 43.62),
            (0.13, 0.23, 0.67, 0.98, 1.22, 1.47, 1.75, 1.98, 2.32, 2.72, 3.35, 13.37, 44.62),
            (0.08, 0.15, 0.45, 0.83, 1.12, 1.38, 1.8, 2.17, 2.97, 9.27, 11.19, 13.51, 39.93),
            (0.1, 0.12, 0.27, 0.35, 0.48, 0.72, 1.18, 2.15, 7.48, 8.45, 9.37, 11.56, 15.55),
        ]
    ),
    energy_kwh=np.array(
        (0.5, 0.96, 2.19, 3.41, 4.59, 5.65, 6.67, 8.11, 9.95, 12.31, 15.76, 28.46, 71.12)
    ),
    energy_with_stay=0.67,
    plug_in_share=0.15,  # assumed: about one day a week
    weekend_ratio=0.87,
)
CARS = {"home": HOME, "workplace": WORKPLACE, "public": PUBLIC}
