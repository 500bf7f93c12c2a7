"""What people see of a running service, and what they ask of it."""
