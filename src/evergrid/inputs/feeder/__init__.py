"""A feeder as a configuration gives it: its files, its sites, its limits, its states."""
