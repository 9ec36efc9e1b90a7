"""Parts that several callbacks share: base classes, decoding, images and figures.

A new callback that shows the same examples every few epochs inherits `AbstractEpochImages`. One
that decodes latents inherits `AbstractGeneratorCallback`, and one with any other requirement on the
model `AbstractModelCallback`.
"""
