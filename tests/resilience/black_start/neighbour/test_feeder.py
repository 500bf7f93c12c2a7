"""What lies beyond the main bus is refused where it cannot be, with a way out."""

from typing import Any

import pytest

from evergrid.core.errors import InputError
from evergrid.model.microgrid import UnitTransformer
from evergrid.resilience.black_start.neighbour.feeder import (
    NeighbourSection,
    UpstreamFeeder,
    UpstreamTransformer,
)
from tests.resilience.black_start.cases import block, site, van

GYM = (block("gym", 3.0, "critical"),)

BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"resistance_ohm": -0.1}, "resistance_ohm", "be in"),
    ({"reactance_ohm": 0.0}, "reactance_ohm", "be in"),
    ({"reactance_ohm": float("nan")}, "reactance_ohm", "got nan"),
    ({"name": "site"}, "name", "other than site"),
    ({"name": " "}, "name", "printable word"),
    ({"load_blocks": ()}, "load_blocks", "hold at least one"),
    (
        {"batteries": (van(1, grid_forming=False, black_start=False),)},
        "batteries",
        "leave the vehicles out",
    ),
    ({"batteries": (van(1, arrival_h=0.1),)}, "batteries", "is there"),
    ({"batteries": (van(1),), "master": "van2"}, "master", "Did you mean van 1"),
]


@pytest.mark.parametrize(("changed", "field", "words"), BAD)
def test_a_section_that_cannot_be_is_refused(changed: dict[str, Any], field: str, words: str):
    given: dict[str, Any] = {
        "name": "school",
        "load_blocks": GYM,
        "resistance_ohm": 0.2,
        "reactance_ohm": 0.1,
    }
    with pytest.raises(InputError, match=words) as caught:
        NeighbourSection(**(given | changed))
    assert caught.value.field == field


def test_names_are_unique_over_the_site_and_its_neighbours():
    lights = NeighbourSection("school", (block("lights", 3.0, "critical"),), 0.2, 0.1)
    with pytest.raises(InputError, match="there twice") as caught:
        UpstreamFeeder(neighbours=(lights,)).check(site())
    assert caught.value.got == ("lights",)
    school = NeighbourSection("school", GYM, 0.2, 0.1)
    again = NeighbourSection("school", (block("hall", 3.0, "critical"),), 0.2, 0.1)
    with pytest.raises(InputError, match="be unique"):
        UpstreamFeeder(neighbours=(school, again)).check(site())


def test_a_transformer_far_beyond_the_units_is_refused():
    huge = UpstreamFeeder(UpstreamTransformer(UnitTransformer(1e6)))
    with pytest.raises(InputError, match="at most 15000 kVA") as caught:
        huge.check(site())
    assert caught.value.field == "upstream.rating_kva"


def test_a_block_is_fed_through_one_of_its_own_section():
    hall = NeighbourSection("school", (block("hall", 3.0, "critical", parent="lights"),), 0.2, 0.1)
    with pytest.raises(InputError, match="name a load block"):
        UpstreamFeeder(neighbours=(hall,)).check(site())
