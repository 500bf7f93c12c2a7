"""How strong the grid is at each place, and whether inverters with droop hunt there."""
