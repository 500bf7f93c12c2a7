"""The store, as the interface, the central system and the controller ask for it."""
