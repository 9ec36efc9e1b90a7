"""Generators of other libraries with a memory, each as a user would write it.

Their networks are tiny and have random weights, so nothing is downloaded. `uv sync --group
generators` installs what they need; nothing of it is a dependency of `hawc`.
"""
