"""What stations do for the grid by themselves, faster than an order, and whether they do it."""
