"""What a generated tree of sites is, as a user writes it: levels, and how many sites at each."""

from pydantic import Field, model_validator

from evergrid.core.config import Config
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault

MOST_SITES = 1_000_000  # of one tree; more is a slip of the pen


class Branch(Config):
    """A name, and the limits of the sites that carry it.

    A limit is the sum of its fixed part and its part per vehicle. Vehicles are those that
    [[fleet]] groups deal out to the site and to all sites below it.
    """

    name: str = Field(min_length=1)
    """Its name."""
    import_limit_kw: float | None = Field(default=None, ge=0, examples=[50.0])
    """Greatest power drawn from above, fixed part; no limit when both parts are absent."""
    import_limit_kw_per_vehicle: float | None = Field(default=None, ge=0, examples=[3.0])
    """The same for each vehicle below, added to the fixed part."""
    export_limit_kw: float | None = Field(default=None, ge=0, examples=[50.0])
    """Greatest power fed upwards, fixed part; no limit when both parts are absent."""
    export_limit_kw_per_vehicle: float | None = Field(default=None, ge=0, examples=[3.0])
    """The same for each vehicle below, added to the fixed part."""

    @model_validator(mode="after")
    def _plain_name(self) -> "Branch":
        fix = "The slash stands between the levels of a name, as in city/feeder-03."
        plain = self.name == self.name.strip() and "/" not in self.name and self.name.isprintable()
        rule = "be printable text without a slash and without space around it"
        faults = [] if plain else [Fault("name", rule, got=(self.name,), fix=fix)]
        raise_if_any("site_tree", faults)
        return self


class SiteLevel(Branch):
    """Sites of one kind, so many below each site of the level above."""

    name: str = Field(min_length=1, examples=["feeder"])
    """What these sites are; they are called feeder-01, feeder-02 and so on."""
    count: int = Field(ge=1, le=MOST_SITES, examples=[20])
    """How many hang below each site of the level above."""
    parent: str = Field(default="", examples=["feeder"])
    """Level above; empty: the level listed before this one, and the root for the first."""
    limit_spread: float = Field(default=0.0, ge=0, lt=1)
    """Share by which limits differ from site to site, up and down, drawn at random."""
    homes: int = Field(default=0, ge=0, le=1_000_000)
    """Homes at each site, whose generated load uses up room under its limits."""
    home_load_kw: float = Field(default=0.4, ge=0, le=1000)
    """Mean load of a home over the year, without cars; 0.4 kW are 3,500 kWh a year."""


class SiteTree(Branch):
    """A tree of sites whose names, limits and load are generated."""

    name: str = Field(min_length=1, examples=["city"])
    """Name of its root, and the beginning of all its names: city/feeder-03/transformer-17."""
    parent_id: str = ""
    """Site above the root, if there is one."""
    level: tuple[SiteLevel, ...] = Field(min_length=1)
    """Levels below the root, from the top down."""

    def above(self, level: SiteLevel) -> str:
        """Name of the level above, empty for the root."""
        row = self.level.index(level)
        return level.parent or (self.level[row - 1].name if row else "")

    def counts(self) -> dict[str, int]:
        """How many sites there are at each level, the root with its empty name included."""
        counts = {"": 1}
        for level in self.level:
            counts[level.name] = level.count * counts[self.above(level)]
        return counts

    @model_validator(mode="after")
    def _whole_tree(self) -> "SiteTree":
        names = [level.name for level in self.level]
        again = tuple(name for i, name in enumerate(names) if name in names[:i])
        faults = []
        if again:
            fix = "Give each level of the tree a name of its own."
            faults.append(Fault("level.name", "be unique", got=again, fix=fix))
        for i, level in enumerate(self.level):
            if level.parent and level.parent not in names[:i]:
                fix = f"Levels above: {', '.join(names[:i])}." if i else "Leave it out: the root."
                rule = "name a level that is listed before"
                faults.append(Fault(f"level.{i}.parent", rule, got=(level.parent,), fix=fix))
        if not faults and sum(self.counts().values()) > MOST_SITES:
            got = (sum(self.counts().values()),)
            fix = "Counts multiply from level to level; lower one of them."
            faults.append(Fault("level.count", f"make {MOST_SITES:,} sites at most", got, fix=fix))
        raise_if_any("site_tree", faults)
        return self
