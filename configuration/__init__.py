"""What a configuration may hold: bounds, functions that make parts, variables."""
