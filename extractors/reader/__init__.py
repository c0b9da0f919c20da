"""The small reader that ships with the package: `parquetry-reader.gguf`, `mmproj-parquetry-reader.gguf` and their card."""
