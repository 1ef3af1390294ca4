"""The steps, by their number."""
