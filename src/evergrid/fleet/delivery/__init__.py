"""What vehicles deliver together, with what probability, when each may fail."""
