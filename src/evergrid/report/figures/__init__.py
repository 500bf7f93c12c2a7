"""One function per figure: records and arrays in, a Plotly figure out, nothing else touched."""

from evergrid.report.figures.fleet import energy_band, fleet_power
from evergrid.report.figures.forecast import forecast_against_actual
from evergrid.report.figures.level import level_loading
from evergrid.report.figures.money import profit_comparison, value_waterfall
from evergrid.report.figures.site import MOST_SITES, SiteRun, site_heatmap, site_loading
from evergrid.report.figures.vehicle import VehicleRun, vehicle_day

__all__ = [
    "MOST_SITES",
    "SiteRun",
    "VehicleRun",
    "energy_band",
    "fleet_power",
    "forecast_against_actual",
    "level_loading",
    "profit_comparison",
    "site_heatmap",
    "site_loading",
    "value_waterfall",
    "vehicle_day",
]
