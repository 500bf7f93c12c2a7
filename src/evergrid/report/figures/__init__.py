"""One function per figure: records and arrays in, a Plotly figure out, nothing else touched."""

from evergrid.report.figures.curtailment import generation
from evergrid.report.figures.electrical_distance import distance_diagram
from evergrid.report.figures.feeder import feeder_map
from evergrid.report.figures.firm_capacity import (
    diversity_curve,
    offer_curve,
    offer_fan,
    promises_kept,
    sharpness_bars,
)
from evergrid.report.figures.fleet import energy_band, fleet_power
from evergrid.report.figures.forecast import forecast_against_actual
from evergrid.report.figures.hosting_capacity import (
    room_over_day,
    stopper_bars,
    violation_curve,
)
from evergrid.report.figures.level import level_loading
from evergrid.report.figures.money import profit_comparison, value_waterfall
from evergrid.report.figures.reliability import (
    Quarters,
    promises_by_quarter,
    reliability_diagram,
)
from evergrid.report.figures.site import MOST_SITES, SiteRun, site_heatmap, site_loading
from evergrid.report.figures.strain import StrainPanel, feeder_strain
from evergrid.report.figures.strength import droop_response, loop_gains, scr_curve
from evergrid.report.figures.vehicle import VehicleRun, vehicle_day
from evergrid.report.figures.volt_var import (
    losses_bars,
    operations_bars,
    tap_timelines,
    voltage_day,
)

__all__ = [
    "MOST_SITES",
    "Quarters",
    "SiteRun",
    "StrainPanel",
    "VehicleRun",
    "distance_diagram",
    "diversity_curve",
    "droop_response",
    "energy_band",
    "feeder_map",
    "feeder_strain",
    "fleet_power",
    "forecast_against_actual",
    "generation",
    "level_loading",
    "loop_gains",
    "losses_bars",
    "offer_curve",
    "offer_fan",
    "operations_bars",
    "profit_comparison",
    "promises_by_quarter",
    "promises_kept",
    "reliability_diagram",
    "room_over_day",
    "scr_curve",
    "sharpness_bars",
    "site_heatmap",
    "site_loading",
    "stopper_bars",
    "tap_timelines",
    "value_waterfall",
    "vehicle_day",
    "violation_curve",
    "voltage_day",
]
