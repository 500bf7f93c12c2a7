"""What will surely be there: promises of power for coming days, and how they fared."""
