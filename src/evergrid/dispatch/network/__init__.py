"""Plans that a feeder can carry: sites at their buses, limits checked, envelopes."""
