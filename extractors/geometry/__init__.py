"""The geometry engine: tables from words, boxes and ruled lines, without a model."""
