"""Each module is one change of the tables; its `revision` is the version it leads to."""
