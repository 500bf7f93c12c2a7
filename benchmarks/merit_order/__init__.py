"""How fast a year of generation is dispatched, with a store that moves the price and without."""
