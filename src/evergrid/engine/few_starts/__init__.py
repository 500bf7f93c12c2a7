"""Among schedules of equal cost, one whose stores seldom start, and then draw or feed well."""
