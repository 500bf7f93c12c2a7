"""How do voltages and currents look, instant by instant, when an inverter starts an island?"""
