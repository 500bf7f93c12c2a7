"""What does a cycle cost this battery: wear, heat and losses, inside the cells and the charger."""
