"""What do voltages and currents look like, instant by instant, when an inverter starts an island?"""
