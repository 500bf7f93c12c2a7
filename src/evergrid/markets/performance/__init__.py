"""How well a signal is followed, as each rule book scores it."""
