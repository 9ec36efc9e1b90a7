"""Small scripts that plot what the library computes; run as modules, shown in docs."""
