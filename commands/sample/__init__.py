"""`train.py sample`: the request, the choice, the folder, decoding."""
