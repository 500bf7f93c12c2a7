"""What equipment allows: chargers in whole amperes, phases, converters at part load, packs."""
