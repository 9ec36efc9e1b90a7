"""Losses that several models share, as functions."""
