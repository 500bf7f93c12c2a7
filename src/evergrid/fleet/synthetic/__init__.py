"""Who comes when, where nobody has recorded it: fleets, sites and loads drawn from a seed."""
