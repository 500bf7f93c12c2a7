"""What voltages and currents follow from given powers."""
