"""Wear and losses by models in a plan, and how its report tells them."""
