"""How fast power flows of many scenarios are, against OpenDSS in the same run."""
