"""What controller and devices say to each other, whatever kind a device is."""
