"""What should each asset do? Sessions, sites and prices meet the engine here."""
