"""Plain networks, named in configuration files: an encoder maps pictures to vectors, a decoder
vectors to pictures (unbounded: models squash them), a critic is an encoder with one output, a
translator maps pictures to pictures.
"""

from networks.conv import ConvDecoder, ConvEncoder
from networks.cwae_conv import CWAEDecoder, CWAEEncoder
from networks.disco import DiscoCritic, DiscoTranslator
from networks.mlp import MLPDecoder, MLPEncoder, MLPTranslator
from networks.resnet import ResNetDecoder, ResNetEncoder
from networks.tutorial_conv import TutorialConvDecoder, TutorialConvEncoder

__all__ = [
    "CWAEDecoder",
    "CWAEEncoder",
    "ConvDecoder",
    "ConvEncoder",
    "DiscoCritic",
    "DiscoTranslator",
    "MLPDecoder",
    "MLPEncoder",
    "MLPTranslator",
    "ResNetDecoder",
    "ResNetEncoder",
    "TutorialConvDecoder",
    "TutorialConvEncoder",
]
