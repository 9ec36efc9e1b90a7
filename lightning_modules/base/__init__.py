"""What models build on: training steps, optimizers, checks, checkpoints."""
