"""Where random numbers come from: streams that depend on the seed and on one label alone."""

from hashlib import blake2b

import numpy as np

from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault


def stream(seed: int, label: str) -> np.random.Generator:
    """Random numbers that nothing but the seed and the label can change.

    Raises:
        InputError: A negative seed.
    """
    raise_if_any("seed", seed_faults(seed))
    digest = blake2b(label.encode(), digest_size=8).digest()
    return np.random.default_rng([seed, int.from_bytes(digest, "little")])


def seed_faults(seed: int) -> list[Fault]:
    """The fault of a negative seed."""
    return [Fault("seed", "be at least 0", got=(seed,))] if seed < 0 else []
