"""How the engine's loops are compiled."""

import os

# Threads that spin while they wait cost a shared machine far more than waking them does. To be set
# before Numba starts any.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# Sums may be taken in any order, so that loops can become vector instructions. That no NaN comes is
# assumed of comparisons only: a tree that is lost is known by its sums, which still turn NaN.
OPTIONS = {
    "error_model": "numpy",
    "fastmath": {"contract", "nsz", "arcp", "reassoc", "nnan"},
}
