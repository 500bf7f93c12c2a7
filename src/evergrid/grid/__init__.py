"""What do the wires allow?"""
