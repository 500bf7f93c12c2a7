"""What do voltages and currents look like, instant by instant, when one inverter starts an island?"""
