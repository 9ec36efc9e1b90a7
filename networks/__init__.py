"""Plain networks, named in configuration files: an encoder maps pictures to vectors, a decoder
vectors to pictures (unbounded: models squash them), a critic is an encoder with one output.
"""

from networks.conv import ConvDecoder, ConvEncoder
from networks.mlp import MLPDecoder, MLPEncoder

__all__ = ["ConvDecoder", "ConvEncoder", "MLPDecoder", "MLPEncoder"]
