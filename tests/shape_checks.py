"""Shape checks at run time that do not look at the same call a thousand times over.

jaxtyping checks every call of every function of Evergrid under pytest, which takes several times
as long as what small functions do. Here calls of one form, with arguments of the same types, shapes
and kinds of number, are let through once `ENOUGH` of them were checked in the same test. The check
of a function is made when it is first called: most functions are never called in one process, and
making all of them takes longer than importing Evergrid.
"""

import functools
import types
from collections import Counter
from collections.abc import Callable
from typing import Any

import jaxtyping

ENOUGH = 10  # more than one, as what is inside of records or returned may differ

_checked: Counter[tuple[Any, ...]] = Counter()
_every_call: Callable[..., Any] = jaxtyping.jaxtyped


def install() -> None:
    """Check sparingly whatever is imported from now on."""
    jaxtyping.jaxtyped = sparing


def forget() -> None:
    """Begin anew, for another test."""
    _checked.clear()


def sparing(checked: Any = None, **how: Any) -> Any:
    """What jaxtyping puts on each function and class; a record that is made is always checked."""
    if checked is None:
        return functools.partial(sparing, **how)
    if isinstance(checked, types.FunctionType):
        return _sometimes(checked, how)
    return _every_call(checked, **how)


def _sometimes(plain: types.FunctionType, how: dict[str, Any]) -> Callable[..., Any]:
    always = functools.cache(lambda: _every_call(plain, **how))

    @functools.wraps(plain)
    def call(*args: Any, **kwargs: Any) -> Any:
        form = (plain, *map(_form, args), *kwargs, *map(_form, kwargs.values()))
        if _checked[form] >= ENOUGH:
            return plain(*args, **kwargs)
        _checked[form] += 1
        return always()(*args, **kwargs)

    return call


def _form(value: Any) -> Any:
    """Type, and of an array its shape and kind of number."""
    shape = getattr(value, "shape", None)
    if not isinstance(shape, tuple):  # what is no array may have another kind of shape
        return type(value)
    return type(value), shape, getattr(value, "dtype", None)
