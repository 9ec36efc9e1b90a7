"""One script per question; each prints a table or draws a figure and keeps it."""
