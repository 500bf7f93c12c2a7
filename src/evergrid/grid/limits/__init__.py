"""Which limits a feeder has, by how much they are violated, and how much room is left."""
