"""The trainer, its strategy, checkpoints and default callbacks."""
