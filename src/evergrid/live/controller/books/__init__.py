"""What is awarded, promised and paid, hour by hour and stay by stay."""
