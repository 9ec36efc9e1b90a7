"""The folder, configuration, checks and messages of a run."""
