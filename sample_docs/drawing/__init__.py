"""How the sample documents are drawn: one data structure gives both the page and its truth."""
