"""The input tables, read strictly from Parquet or CSV, and written back: a file for each kind."""

from evergrid.data.tables.battery_states import BATTERY_STATES, read_battery_states
from evergrid.data.tables.capacity_prices import CAPACITY_PRICES, read_capacity_prices
from evergrid.data.tables.cell_tests import read_cell_tests
from evergrid.data.tables.chargers import CHARGERS, chargers_frame, read_chargers
from evergrid.data.tables.emission_factors import (
    EMISSION_FACTORS,
    FACTOR_ERRORS,
    read_emission_factors,
    read_factor_errors,
)
from evergrid.data.tables.prices import PRICES, prices_frame, read_prices
from evergrid.data.tables.reading import NoteCallback, ignore_notes
from evergrid.data.tables.sessions import SESSIONS, read_sessions, sessions_frame
from evergrid.data.tables.site_series import (
    SITE_GENERATION,
    SITE_LIMITS,
    SITE_LOAD,
    read_site_generation,
    read_site_limits,
    read_site_load,
    site_generation_frame,
    site_limits_frame,
    site_load_frame,
)
from evergrid.data.tables.sites import LIMITS, SITES, read_sites, sites_frame
from evergrid.data.tables.weather import WEATHER, read_weather, weather_frame

__all__ = [
    "BATTERY_STATES",
    "CAPACITY_PRICES",
    "CHARGERS",
    "EMISSION_FACTORS",
    "FACTOR_ERRORS",
    "LIMITS",
    "PRICES",
    "SESSIONS",
    "SITES",
    "SITE_GENERATION",
    "SITE_LIMITS",
    "SITE_LOAD",
    "WEATHER",
    "NoteCallback",
    "chargers_frame",
    "ignore_notes",
    "prices_frame",
    "read_battery_states",
    "read_capacity_prices",
    "read_cell_tests",
    "read_chargers",
    "read_emission_factors",
    "read_factor_errors",
    "read_prices",
    "read_sessions",
    "read_site_generation",
    "read_site_limits",
    "read_site_load",
    "read_sites",
    "read_weather",
    "sessions_frame",
    "site_generation_frame",
    "site_limits_frame",
    "site_load_frame",
    "sites_frame",
    "weather_frame",
]
