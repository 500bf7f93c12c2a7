"""What is a study, or the service, given? Tables, generated fleets and feeders as one portfolio."""
