"""What can be offered for the hours ahead, from who was there on the days before."""
