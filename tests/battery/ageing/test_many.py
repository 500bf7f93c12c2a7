"""Many batteries at once, by table, against the formulas for a few of them."""

import numpy as np
import pytest

from evergrid.battery.ageing import life
from evergrid.battery.ageing.model import Fade
from evergrid.battery.ageing.profile import Profile


@pytest.mark.parametrize("model", list(life.MODELS))
def test_many_batteries_age_as_a_few_of_them_do(model: str) -> None:
    rng = np.random.default_rng(1)
    count = life.MANY_POINTS // 49 + 3
    soc = np.clip(0.6 + np.cumsum(rng.normal(0, 0.06, (count, 49)), axis=1), 0.05, 0.95)
    profile = Profile(1.0, soc, np.full(soc.shape, 20.0))
    before = Fade(*(np.full(count, part) for part in (0.02, 0.03, 0.0, 0.0)))
    found = life.after(life.MODELS[model], profile, before)
    few = slice(0, 20)
    some = Profile(1.0, soc[few], profile.temperature_c[few])
    start = Fade(*(part[few] for part in vars(before).values()))
    *_, exact = life.lived(life.MODELS[model], some, start)
    for name in ("calendar", "cycle"):
        gained = getattr(exact, name) - getattr(start, name)
        assert getattr(found, name)[few] - 1e-15 - getattr(start, name) == pytest.approx(
            gained, rel=2e-3
        )
