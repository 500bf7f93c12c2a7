"""The plan that the package makes of a case: the only place where the referee imports it."""

from pathlib import Path

import polars as pl

from evergrid.core import config
from evergrid.core.errors import EvergridError
from evergrid.model.schedule import Schedule
from evergrid.studies import plan
from tests.referee import result


def make(case: Path, out: Path) -> str | None:
    """Plan a configuration and write the result, with the schedules of all strategies.

    Returns:
        Why it was refused, as the package says; None where there is a result.
    """
    try:
        made = plan.run(config.read(plan.Config, case), folder=case.parent)
        made.write(out)
    except EvergridError as error:
        return f"{type(error).__name__}: {error}"
    names = [str(each) for each in made.loaded.portfolio.sessions.session_id]
    schedules = {name: each.schedule for name, each in made.plans.items()}
    schedules |= {f"rolling_{name}": each.schedule for name, each in made.rolled.items()}
    powers = [_powers(names, strategy, each) for strategy, each in schedules.items()]
    pl.concat(powers).write_parquet(out / f"{result.SCHEDULES}.parquet")
    return None


def _powers(names: list[str], strategy: str, schedule: Schedule) -> pl.DataFrame:
    times = pl.Series(schedule.grid.times).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    rows = [
        pl.DataFrame({"session_id": name, "time_utc": times, "power_kw": power})
        for name, power in zip(names, schedule.power_kw, strict=True)
    ]
    return pl.concat(rows).with_columns(strategy=pl.lit(strategy))
