"""Programs solved by workers on one machine or many."""
