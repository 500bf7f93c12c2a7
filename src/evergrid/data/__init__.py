"""Where numbers come from: one reader per public format and one per input table."""
