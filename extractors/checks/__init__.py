"""Whether the figures agree with each other, which may be wrong, and how sure each is."""
