"""Which plan of load blocks a fleet can feed at least cost, and a bound, by branch and price."""
