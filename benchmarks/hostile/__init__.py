"""Files of strangers: honest ones to start from, hostile ones, and commands that get them."""
