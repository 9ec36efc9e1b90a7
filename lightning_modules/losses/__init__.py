"""Losses, as functions, that several models may share."""
