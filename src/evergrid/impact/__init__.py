"""What does it do to the world? Emissions, generation cost, welfare and compensation."""
