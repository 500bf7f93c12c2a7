"""Ageing models by name, and the life of batteries under profiles, window by window."""

from collections.abc import Iterator, Mapping

from evergrid.battery.ageing import fleet
from evergrid.battery.ageing.cells.large_lfp import LargeLfp
from evergrid.battery.ageing.cells.large_nmc import LargeNmc
from evergrid.battery.ageing.cells.naumann import NaumannLfp
from evergrid.battery.ageing.cells.schmalstieg import Schmalstieg
from evergrid.battery.ageing.model import AbstractAgeingModel, AbstractLargeCell, Fade
from evergrid.battery.ageing.profile import Profile
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.text.nearest import did_you_mean
from evergrid.core.units import H_PER_DAY

MANY_POINTS = 12_500  # of all profiles, such as 500 days by the hour: worth a table from there on
MODELS: Mapping[str, AbstractAgeingModel] = {
    model.name: model for model in (LargeLfp(), LargeNmc(), NaumannLfp(), Schmalstieg())
}


def named(name: str) -> AbstractAgeingModel:
    """The model of that name.

    Raises:
        InputError: There is none.
    """
    if name in MODELS:
        return MODELS[name]
    fix = f"{did_you_mean(name, MODELS)} Models: {', '.join(MODELS)}.".strip()
    raise InputError("ageing", [Fault("model", "be a known ageing model", (name,), fix=fix)])


def lived(
    model: AbstractAgeingModel,
    profile: Profile,
    fade: Fade | None = None,
    *,
    window_h: float = H_PER_DAY,
) -> Iterator[Fade]:
    """The fade at the end of each window of a profile.

    Args:
        model: How the batteries age.
        profile: What they go through.
        fade: What they bring; new batteries by default.
        window_h: Length of a window, over which a model takes depth and mean current.

    Raises:
        InputError: The profile is no whole number of windows.
    """
    fade = Fade.new(len(profile.soc)) if fade is None else fade
    for window in profile.windows(window_h):
        fade = model.aged(fade, window.refined())
        yield fade


def after(
    model: AbstractAgeingModel, profile: Profile, fade: Fade, *, window_h: float = H_PER_DAY
) -> Fade:
    """The fade at the end of a profile: of large cells by table where it is long, else by formulas.

    The table is true to 2e-3 of what is added, and mostly to 3e-4, see `fleet.aged`.

    Args:
        model: How the batteries age.
        profile: What they go through.
        fade: What they bring.
        window_h: Length of a window.

    Raises:
        InputError: The profile is no whole number of windows.
    """
    if isinstance(model, AbstractLargeCell) and profile.soc.size >= MANY_POINTS:
        return fleet.aged(model, profile, fade, window_h=window_h)
    *_, last = lived(model, profile, fade, window_h=window_h)
    return last
