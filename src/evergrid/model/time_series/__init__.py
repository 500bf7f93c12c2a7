"""What changes over time: values by interval, each kind with its units."""
