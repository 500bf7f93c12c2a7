"""How sure a difference of emissions is, by past errors of factors or by what is assumed."""

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import InputError
from evergrid.core.units import KWH_PER_MWH
from evergrid.data import tables as input_tables
from evergrid.data.files.locate import locate
from evergrid.impact.emissions.uncertainty import Band, assumed_band, band
from evergrid.inputs.emissions import in_file
from evergrid.studies.emissions.config import Config
from evergrid.studies.study import Context

BAND_KEY = 0xC0  # of the stream of random numbers that bands are drawn from


def past_errors(config: Config, context: Context, step_h: float) -> Float[Array, " past"] | None:
    """What factors missed by in the past; None where that is assumed.

    Raises:
        InputError: Cells or rows that break rules, steps of another length.
    """
    file = config.uncertainty.errors_file
    if file is None:
        return None
    path = locate(file, context.folder)
    try:
        return input_tables.read_factor_errors(path, step_h)
    except InputError as fault:
        raise in_file(path, fault) from fault


def of_difference(
    config: Config,
    context: Context,
    more_kwh: Float[Array, " step"],
    factor_kg_per_mwh: Float[Array, " step"],
    caused_kg: float,
    error_kg_per_mwh: Float[Array, " past"] | None,
) -> Band:
    """The band of what a schedule causes beyond the baseline.

    Args:
        config: With what is assumed.
        context: With the seed.
        more_kwh: Net energy drawn beyond the baseline.
        factor_kg_per_mwh: Marginal factors.
        caused_kg: What that comes to, with losses of wires.
        error_kg_per_mwh: Past errors of factors; None where they are assumed.
    """
    settings = config.uncertainty
    kg = more_kwh * factor_kg_per_mwh / KWH_PER_MWH
    # What wires lose, and energy left in the end, is taken as it is.
    certain = caused_kg - float(kg.sum())
    if error_kg_per_mwh is None:
        drawn, fed = float(kg[kg > 0].sum()), float(-kg[kg < 0].sum())
        share = settings.factor_share
        return assumed_band(drawn, fed, share, level=settings.level, certain_kg=certain)
    return band(
        more_kwh,
        factor_kg_per_mwh,
        error_kg_per_mwh,
        key=np.random.default_rng([context.seed, BAND_KEY]),
        level=settings.level,
        replicates=settings.replicates,
        certain_kg=certain,
    )
