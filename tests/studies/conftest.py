"""Random cases, planned and written once for all tests that read them."""

from typing import Any

import numpy as np
import pytest

from evergrid.core.config import parse
from evergrid.studies import plan
from tests.studies.cases import configuration, prices, sessions, site_load


@pytest.fixture(scope="session")
def planned(tmp_path_factory: pytest.TempPathFactory):
    """Plans a random case and writes it; gives the result and the folder it was written to."""
    done = {}

    def make(seed: int, *, meter: bool = False, **changed: Any):
        key = (seed, meter, str(changed))
        if key not in done:
            folder = tmp_path_factory.mktemp("case")
            rng = np.random.default_rng(seed)
            sessions(rng, 8).write_parquet(folder / "sessions.parquet")
            prices(rng).write_parquet(folder / "prices.parquet")
            site_load(rng).write_parquet(folder / "site_load.parquet")
            config = parse(plan.Config, configuration(meter) | changed)
            result = plan.run(config, folder=folder, seed=seed)
            result.write(folder / "out")
            done[key] = (result, folder / "out")
        return done[key]

    return make
