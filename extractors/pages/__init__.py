"""What stands on each page: words, rules and pixels, of text layers and of scans."""
