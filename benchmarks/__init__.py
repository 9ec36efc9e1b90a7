"""One script per claim in the documentation; each writes a table or a figure."""
