"""Groups as a user writes them: defaults, refusals, and the commented template."""

import tomllib

import pytest

from evergrid.core import config
from evergrid.core.config import Config
from evergrid.core.errors import ConfigError
from evergrid.fleet.synthetic.group import FleetGroup

LEAST = {"place": "home", "vehicles": 80, "sites": ["t-1"], "time_zone": "Europe/Amsterdam"}


class Study(Config):
    """A study with a fleet."""

    fleet: tuple[FleetGroup, ...]
    """Groups of vehicles."""


def test_a_group_needs_four_keys_only() -> None:
    group = config.parse(FleetGroup, LEAST)
    assert (group.label, group.efficiency_charge, group.capacity_kwh) == ("home", 0.93, None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"place": "moon"}, "place must be 'home'"),
        ({"vehicles": 0}, "vehicles must be greater than or equal to 1"),
        ({"sites": []}, "sites must"),
        ({"time_zone": "Europe/Atlantis"}, "IANA zone"),
        ({"v2g_share": 40}, "v2g_share must be less than or equal to 1"),
        ({"max_charge": 11.0}, "Did you mean max_charge_kw"),
        ({"holiday_first": "2022-07-01"}, "both holiday_first and holiday_last"),
        ({"holiday_first": "2022-07-02", "holiday_last": "2022-07-01"}, "not before"),
    ],
)
def test_a_wrong_key_is_refused_by_name(change: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        config.parse(FleetGroup, LEAST | change)


def test_every_key_is_explained() -> None:
    assert all(field.description for field in FleetGroup.model_fields.values())


def test_the_template_shows_every_key() -> None:
    text = config.template(Study, heading="Study")
    assert all(f"{name} = " in text for name in FleetGroup.model_fields)


def test_a_group_survives_its_own_dump() -> None:
    given = {"capacity_kwh": 60.0, "holiday_first": "2022-07-01", "holiday_last": "2022-08-31"}
    study = config.parse(Study, {"fleet": [LEAST | given]})
    assert config.parse(Study, tomllib.loads(config.dump(study))) == study
