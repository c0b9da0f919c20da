"""Reading into a schema of the user's own."""
