"""What callbacks share: base classes, decoding, images, figures."""
