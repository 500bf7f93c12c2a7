"""What a simulated outlet does: battery and charger, charging profiles, rules, grid support."""
