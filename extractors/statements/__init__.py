"""Which tables are financial statements, and what their rows, columns and figures mean."""
