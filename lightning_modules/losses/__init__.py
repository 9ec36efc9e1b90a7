"""Losses as functions that several models may share; a model's only loss stays in its file."""
