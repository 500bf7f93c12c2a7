"""What a feeder is, and the one door through which it is read from OpenDSS files."""
