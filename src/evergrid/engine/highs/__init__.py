"""Programs handed to HiGHS, and its answers."""
