"""How the engine's loops are compiled."""

import os

# Threads that spin while they wait cost a shared machine far more than waking them does. To be set
# before Numba starts any.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

OPTIONS = {
    "cache": True,
    "error_model": "numpy",
    "fastmath": {"contract", "nsz", "arcp", "reassoc", "nnan"},
}
