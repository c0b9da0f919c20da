"""Teach a vision-language model to read tables: drawing pages with truth, training, and conversion to GGUF."""
