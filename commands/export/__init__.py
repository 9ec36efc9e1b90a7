"""`train.py export`: the generator as files."""
