"""Sample documents of invented companies, and the script that draws them with their truth."""
