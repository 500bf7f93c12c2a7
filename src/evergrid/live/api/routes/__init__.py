"""The operations of the interface, by who needs them."""
