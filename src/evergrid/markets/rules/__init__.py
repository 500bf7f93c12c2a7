"""Rules of markets by date: constants with their source, and how sure they are."""
