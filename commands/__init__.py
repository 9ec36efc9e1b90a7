"""The command line behind train.py: parsing, plain messages, run folders, early checks."""
