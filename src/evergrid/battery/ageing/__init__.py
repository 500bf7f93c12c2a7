"""How batteries lose capacity and gain resistance, by published models of single cells."""
