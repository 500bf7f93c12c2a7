"""What array types and axes mean in every signature.

Axes come in this order wherever they meet: ``scenario asset bus phase step``; a plug-in session
stands in the place of its asset. Times are ``datetime64[us]`` in UTC.
"""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

Array = np.ndarray[Any, np.dtype[Any]]
Times = Shaped[Array, "..."]

__all__ = ["Array", "Bool", "Float", "Int", "Shaped", "Times"]
