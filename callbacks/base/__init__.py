"""Parts that several callbacks share: base classes, decoding, images and figures."""
