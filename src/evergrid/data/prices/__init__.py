"""Energy prices of public data sets: one reader per format, all with one shape.

``FORMATS[name](path, start=None, end=None, gap="error")`` returns ``(Prices, Meta)``; readers
take further options by keyword, such as the settlement point or region.
"""

from collections.abc import Callable

from evergrid.data.meta import Meta
from evergrid.data.prices import aemo, epf, ercot_dam, nl_dayahead, nyiso, pjm_lmp
from evergrid.model.prices import Prices

Reader = Callable[..., tuple[Prices, Meta]]

FORMATS: dict[str, Reader] = {
    "nl_dayahead": nl_dayahead.read,
    "ercot_dam": ercot_dam.read,
    "epf": epf.read,
    "aemo": aemo.read,
    "nyiso": nyiso.read,
    "pjm_lmp": pjm_lmp.read,
}
