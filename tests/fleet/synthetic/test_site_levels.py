"""Trees as a user writes them: what is refused, and by which words."""

import tomllib

import pytest

from evergrid.core import config
from evergrid.core.config import Config
from evergrid.core.errors import ConfigError
from evergrid.fleet.synthetic.site_levels import SiteLevel, SiteTree

FEEDER = {"name": "feeder", "count": 3}
STREET = {"name": "street", "count": 4, "homes": 20}
DEPOT = {"name": "depot", "count": 1, "parent": "feeder"}
LEAST = {"name": "city", "level": [FEEDER, STREET, DEPOT]}


class Study(Config):
    """A study with trees."""

    site_tree: tuple[SiteTree, ...]
    """Trees."""


def test_counts_multiply_from_level_to_level() -> None:
    counts = config.parse(SiteTree, LEAST).counts()
    assert counts == {"": 1, "feeder": 3, "street": 12, "depot": 3}


def test_a_level_hangs_below_the_one_listed_before_unless_it_says_so() -> None:
    tree = config.parse(SiteTree, LEAST)
    assert [tree.above(level) for level in tree.level] == ["", "feeder", "feeder"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": ""}, "name must"),
        ({"name": "north/city"}, r"name must be printable text without a slash .*north/city"),
        ({"name": " city"}, "without space around it"),
        ({"level": []}, "level must"),
        ({"level": [FEEDER, FEEDER]}, "level.name must be unique, got feeder"),
        ({"level": [FEEDER | {"count": 0}]}, "level.0.count must be greater than or equal to 1"),
        ({"level": [FEEDER | {"count": 2.5}]}, "level.0.count must be a valid integer"),
        ({"level": [FEEDER | {"name": "a/b"}]}, "level.0.name must be printable text without"),
        ({"level": [FEEDER | {"parent": "street"}, STREET]}, "parent must name a level that is"),
        ({"level": [FEEDER, STREET | {"parent": "feader"}]}, r"got feader\. Levels above: feeder"),
        ({"level": [FEEDER | {"parent": "feeder"}]}, "got feeder. Leave it out: the root"),
        ({"level": [FEEDER | {"limit_spread": 20}]}, "limit_spread must be less than 1"),
        ({"level": [FEEDER | {"import_limit": 5}]}, "Did you mean import_limit_kw"),
        ({"level": [FEEDER | {"import_limit_kw": -5}]}, "import_limit_kw must be greater than"),
        ({"level": [FEEDER | {"homes": -1}]}, "homes must be greater than or equal to 0"),
        (
            {"level": [FEEDER | {"count": 1000}, STREET | {"count": 1000}]},
            "level.count must make 1,000,000 sites at most, got 1001001",
        ),
    ],
)
def test_a_wrong_key_is_refused_by_name(change: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        config.parse(SiteTree, LEAST | change)


def test_every_fault_of_the_levels_is_told_at_once() -> None:
    levels = [FEEDER, FEEDER, STREET | {"parent": "feader"}]
    with pytest.raises(ConfigError, match=r"be unique(.|\n)*got feader"):
        config.parse(SiteTree, LEAST | {"level": levels})


def test_every_key_is_explained_and_in_the_template() -> None:
    text = config.template(Study, heading="Study")
    for kind in (SiteTree, SiteLevel):
        for name, field in kind.model_fields.items():
            assert field.description
            assert f"{name} = " in text or f".{name}]" in text


def test_a_tree_survives_its_own_dump() -> None:
    study = config.parse(Study, {"site_tree": [LEAST | {"import_limit_kw_per_vehicle": 2.5}]})
    assert config.parse(Study, tomllib.loads(config.dump(study))) == study
