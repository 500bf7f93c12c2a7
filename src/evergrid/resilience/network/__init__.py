"""How do voltages and currents of an island of inverters move, and is the island stable?"""
