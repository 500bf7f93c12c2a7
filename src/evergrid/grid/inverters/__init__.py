"""How inverters answer to the voltage at their terminals."""
