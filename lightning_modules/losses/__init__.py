"""Loss functions that autoencoders and translators use."""
