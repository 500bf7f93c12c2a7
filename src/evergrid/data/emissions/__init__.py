"""Emission factors of public data sets: one reader per format, all with one shape.

``FORMATS[name](path, **options)`` returns ``(EmissionFactors, Meta)``.
"""

from collections.abc import Callable

from evergrid.data.emissions import avert, cambium, sgip_moer
from evergrid.data.meta import Meta
from evergrid.model.time_series.emission_factors import EmissionFactors

Reader = Callable[..., tuple[EmissionFactors, Meta]]

FORMATS: dict[str, Reader] = {
    "sgip_moer": sgip_moer.read,
    "avert": avert.read,
    "cambium": cambium.read,
}
