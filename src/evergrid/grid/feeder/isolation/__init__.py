"""Files of others are read in a process apart, from which nothing but plain data comes back."""
