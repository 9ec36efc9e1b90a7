"""Other methods for diverse images, compared on the same candidates, features and decoder calls.

One file per rival, written from its paper. A chooser gets the features of the candidates of a
round; a mover gets latents and moves them by gradients. `interface` declares both.
"""
