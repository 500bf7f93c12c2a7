"""What taps, banks and transformers do over time, and what that costs them."""
