"""What OpenDSS has compiled from a feeder's files, element by element, as our records."""
