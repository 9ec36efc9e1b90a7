"""Parts that several callbacks share: base classes, decoding, images and figures.

A new callback inherits `AbstractModelCallback` if it needs anything of the model,
`AbstractGeneratorCallback` if it decodes latents, and `AbstractEpochImages` if it shows the same
examples every few epochs.
"""
