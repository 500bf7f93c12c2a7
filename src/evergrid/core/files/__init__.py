"""What a user's file may be: is it there, how large, and what of its text may be shown."""
