"""What homes use beside the charging of cars: a published daily shape, and how far homes differ."""

from zoneinfo import ZoneInfo

import numpy as np

from evergrid.core.arrays import Array, Float, Int, Shaped
from evergrid.core.local_time import local_from_utc
from evergrid.core.timegrid import TimeGrid

# Load of households in percent of the year's mean: a column for each local hour, and for each month
# from January on a row for working days, Saturdays and Sundays. German households of 2018 and 2019:
# standard load profile H25 of BDEW (2025), as tabulated by quarter-hour in oemof demandlib (MIT);
# here means over the hour, rounded.
HOURLY_PERCENT = """
65 56 53 53 55 62 81 88 82 80 80 88 92 91 89 92 105 131 146 145 132 118 104 84
72 61 55 53 53 54 64 81 100 112 121 133 133 127 124 124 131 149 155 146 130 118 108 90
76 66 59 56 55 55 61 75 95 114 130 148 145 134 127 125 131 151 158 149 133 117 104 84
66 57 55 55 57 65 84 90 83 80 79 86 89 87 84 86 95 118 145 147 134 119 104 84
72 62 58 56 56 58 68 87 107 116 123 132 129 123 118 118 121 138 155 148 132 119 109 91
75 65 60 58 57 58 66 84 108 126 140 155 146 131 122 118 121 139 159 153 136 119 104 84
64 56 54 54 57 66 82 86 80 77 78 85 88 87 85 87 94 111 135 145 133 117 103 81
71 62 58 56 57 59 68 88 106 115 120 129 126 120 116 114 116 126 142 146 132 118 108 90
74 64 60 58 58 59 66 83 106 124 137 151 143 128 119 114 114 127 144 147 135 119 103 82
69 59 56 56 60 71 88 93 88 86 85 92 96 93 89 90 97 113 132 141 144 135 116 90
77 65 60 59 60 64 74 97 117 126 131 139 136 128 123 120 120 128 138 140 141 135 120 99
81 68 63 61 61 65 72 92 119 138 150 164 154 136 124 117 116 127 140 143 144 134 115 90
72 62 59 58 61 71 89 95 90 87 87 95 100 98 94 95 103 119 137 144 142 136 120 93
80 67 62 60 60 62 74 96 116 127 132 142 141 132 128 125 126 134 143 143 140 135 124 103
83 70 65 62 61 63 71 92 117 135 147 162 155 139 128 122 122 133 146 147 142 135 118 92
80 69 65 64 66 74 91 98 94 92 92 100 106 104 101 102 109 125 142 148 145 137 127 102
88 75 68 66 65 67 78 99 119 130 136 146 145 137 133 131 131 138 146 145 139 133 129 110
90 77 70 67 65 65 73 90 114 134 148 165 160 145 135 130 130 141 152 154 148 139 126 101
85 74 69 68 70 76 90 99 99 100 101 111 115 111 108 108 116 131 147 152 148 142 132 106
93 80 73 71 70 72 82 101 121 134 141 152 152 144 140 138 138 145 152 150 143 138 132 113
94 82 74 71 69 70 77 95 120 142 157 174 169 153 142 137 136 146 156 156 151 142 130 104
82 72 67 66 68 77 89 95 92 94 95 105 110 106 103 104 112 127 143 149 149 144 125 100
88 76 71 68 68 71 79 98 117 128 137 147 147 139 135 132 132 139 146 145 143 140 127 109
91 79 72 69 67 70 75 93 118 138 152 168 161 145 135 129 129 141 152 153 150 144 124 99
70 61 57 57 59 71 93 96 89 88 89 97 101 98 95 96 105 122 141 154 155 136 113 88
77 66 60 59 59 62 75 96 117 128 135 144 141 133 128 125 126 135 146 154 152 134 117 99
82 70 64 61 60 63 72 90 118 139 154 170 162 145 135 129 129 143 157 163 157 136 112 87
67 58 54 54 58 69 89 95 89 87 88 96 100 98 95 96 104 125 151 163 147 129 110 87
75 63 58 57 58 62 73 92 111 122 129 138 136 129 124 122 124 136 156 161 144 128 115 96
76 65 59 57 57 60 71 90 116 136 150 165 158 142 132 127 130 147 164 168 149 129 109 86
63 54 52 52 56 65 87 92 84 80 80 88 92 92 90 95 112 141 154 152 138 122 106 84
70 59 55 54 54 56 69 90 110 119 126 135 134 128 125 126 137 160 163 152 136 122 111 92
73 62 57 55 55 56 65 83 109 128 142 160 154 139 130 129 138 163 168 157 139 121 104 81
64 55 52 51 54 62 81 91 86 83 83 91 94 93 92 97 115 138 148 147 135 121 106 85
70 58 53 52 52 54 64 82 101 111 120 130 130 125 123 125 136 150 151 141 127 116 107 91
74 62 56 54 53 54 62 79 102 122 138 155 149 136 129 127 135 150 153 145 132 118 104 85
"""
SHAPE = np.array(HOURLY_PERCENT.split(), float).reshape(12, 3, 24) / 100
# The profile's own correction by day of the year, lowest power last (same source).
SEASON = (-3.92e-10, 3.2e-7, -7.02e-5, 2.1e-3, 1.24)

USE_SPREAD = 0.5  # of the yearly use of one home around the mean of all (assumed)
STEP_SPREAD = 1.0  # of one home's load in a step around its own profile (assumed)


def profile(grid: TimeGrid, clock: ZoneInfo) -> Float[Array, " step"]:
    """Load of a mean home in each step, in units of its mean over the year.

    Holidays count as the days of the week they fall on.

    Args:
        grid: The steps.
        clock: The wall clock that homes live by.

    Source:
        BDEW (2025), standard load profile H25 with its correction by day of the year.
    """
    middle = grid.times + np.timedelta64(round(grid.step_h * 1800), "s")
    local = local_from_utc(middle, clock)
    day, month = local.astype("datetime64[D]"), local.astype("datetime64[M]")
    day_of_year = (day - day.astype("datetime64[Y]")).astype(int) + 1
    hour = (local - day).astype("timedelta64[h]").astype(int)
    shape = SHAPE[month.astype(int) % 12, _kind_of_day(day), hour]
    return shape * np.polyval(SEASON, day_of_year)


def load_kw(
    profile: Float[Array, " step"],
    homes: Int[Array, " site"],
    mean_kw: float,
    rng: np.random.Generator,
) -> Float[Array, "site step"]:
    """Load of groups of homes, each the sum of homes that differ in use and from step to step.

    The more homes there are, the closer their sum is to the profile.

    Args:
        profile: Load of a mean home, in units of its mean over the year.
        homes: How many homes each group has, at least 1.
        mean_kw: Mean load of a home over the year.
        rng: Where the differences are drawn from.
    """
    use = _sum_of_gammas(homes, USE_SPREAD, rng)
    steps = _sum_of_gammas(np.broadcast_to(homes, (len(profile), len(homes))), STEP_SPREAD, rng)
    return mean_kw * (homes * use * steps).T * profile


def _sum_of_gammas(
    count: Int[Array, "..."], spread: float, rng: np.random.Generator
) -> Float[Array, "..."]:
    """Mean of so many gamma variables of mean 1 and that spread, which is gamma again."""
    return rng.gamma(count / spread**2) / (count / spread**2)


def _kind_of_day(day: Shaped[Array, " step"]) -> Int[Array, " step"]:
    """0 for a working day, 1 for a Saturday, 2 for a Sunday."""
    weekday = (day.astype(np.int64) + 3) % 7  # day 0 was a Thursday
    return np.maximum(weekday - 4, 0)
