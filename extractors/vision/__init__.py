"""The vision engine: tables from tiles of pixels, by asking a model, every value held against the page."""
