"""From awards and metered power to a statement, line by line."""
