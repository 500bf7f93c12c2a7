"""Charging sessions of public data sets: one reader per format, all with one shape.

``FORMATS[name](path, assumptions)`` returns ``(Sessions, Meta)``; readers take further options
by keyword.
"""

from collections.abc import Callable

from evergrid.data.meta import Meta
from evergrid.data.sessions import acn, boulder, dundee, epfl, nhts, norway, sap
from evergrid.model.session import Sessions

Reader = Callable[..., tuple[Sessions, Meta]]

FORMATS: dict[str, Reader] = {
    "acn": acn.read,
    "norway": norway.read,
    "dundee": dundee.read,
    "boulder": boulder.read,
    "sap": sap.read,
    "epfl": epfl.read,
    "nhts": nhts.read,
}
