"""Who does what next in a black start: sections start, units join, the grid returns."""
