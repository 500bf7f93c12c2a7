"""Is the rating of a line that which its files state, and none where they state none?"""

from pathlib import Path

import numpy as np
import pytest

from evergrid.grid.feeder import opendss
from tests.grid.cases import street

WIRE = "New WireData.{name} diam=10 gmrac=4 rac=.3 runits=km gmrunits=mm radunits=mm {amps}"
MADE_OF = "\n".join(
    (
        "New LineCode.bare nphases=3 r1=.3",
        "New LineCode.rated nphases=3 r1=.3 normamps=400",
        WIRE.format(name="bare", amps=""),
        WIRE.format(name="rated", amps="normamps=400 emergamps=600"),
        "New LineSpacing.three nconds=3 nphases=3 x=[0 .5 1] h=[8 8 8] units=m",
        "New LineGeometry.bare nconds=3 nphases=3 spacing=three wires=[bare bare bare]",
        "New LineGeometry.rated nconds=3 nphases=3 spacing=three wires=[rated rated rated]",
    )
)
STATED = {
    "normamps=400": 400.0,
    "normamps=400 emergamps=600": 400.0,
    "linecode=rated": 400.0,
    "linecode=bare normamps=400": 400.0,
    "geometry=rated": 400.0,
    "geometry=bare normamps=400": 400.0,
    "spacing=three wires=[rated rated rated]": 400.0,
    "linecode=cable": 200.0,
    "": np.nan,
    "emergamps=600": np.nan,
    "normamps=0": np.nan,
    "linecode=bare": np.nan,
    "geometry=bare": np.nan,
    "spacing=three wires=[bare bare bare]": np.nan,
}


def test_a_rating_that_is_opendss_default_counts_where_it_is_stated(tmp_path: Path):
    """400 A is a usual rating of lines, and what OpenDSS takes where none is given."""
    lines = [
        f"New Line.x{k} bus1=c bus2=d{k} {given} length=10 units=m"
        for k, given in enumerate(STATED)
    ]
    like = "New Line.like like=x0 bus1=c bus2=d"
    found = opendss.read(street(tmp_path, "\n".join((MADE_OF, *lines, like)))).lines
    rating_a = dict(zip(found.name, found.rating_a, strict=True))
    told = {given: rating_a[f"x{k}"] for k, given in enumerate(STATED)}
    assert told == pytest.approx(STATED, nan_ok=True)
    assert rating_a["like"] == 400.0
