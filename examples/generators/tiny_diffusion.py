"""Tiny diffusion models with random weights, in place of trained ones.

Each makes a color image in about 10 ms on one core. The weights depend on a seed alone. Images of a
random network differ in texture only. Larger weights and smooth filters make them differ in layout
and color, as photographs do.
"""

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    StableDiffusionPipeline,
    UNet2DConditionModel,
    UNet2DModel,
)
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

__all__ = ["text_to_image_pipeline", "unconditional_model"]

_CHARACTERS = [chr(i) + end for end in ("", "</w>") for i in range(ord("!"), ord("~") + 1)]
_MAX_TOKENS = 512  # one for each character of a long prompt
_WIDTHS = (16, 32)


def text_to_image_pipeline(seed: int = 0) -> StableDiffusionPipeline:
    """Returns a pipeline from a prompt and latents (n, 4, 4, 4) to images of 32 x 32 pixels.

    Args:
        seed: of the weights; torch's global generator is restored.
    """
    tokenizer = _tokenizer()
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        text_encoder = _text_encoder(tokenizer)
        unet = UNet2DConditionModel(
            sample_size=4,
            layers_per_block=1,
            block_out_channels=_WIDTHS,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            norm_num_groups=8,
            attention_head_dim=8,
            cross_attention_dim=32,
        )
        vae = _autoencoder()
    _scale(text_encoder, nn.Linear, 10.0)
    _scale(unet, nn.Conv2d, 2.0)
    for name, module in unet.named_modules():
        if name.endswith("attn2"):  # attends to the prompt
            _scale(module, nn.Linear, 4.0)
    _smooth(vae.decoder)
    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=_scheduler("epsilon"),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def unconditional_model(seed: int = 0) -> tuple[UNet2DModel, DDIMScheduler]:
    """Returns a network on images of 16 x 16 pixels in [-1, 1] and its scheduler.

    Args:
        seed: of the weights; torch's global generator is restored.
    """
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        unet = UNet2DModel(
            sample_size=16,
            layers_per_block=1,
            block_out_channels=_WIDTHS,
            down_block_types=("DownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "UpBlock2D"),
            norm_num_groups=8,
        )
    _smooth(unet)
    return unet.eval(), _scheduler("sample")


def _tokenizer() -> CLIPTokenizer:
    """Returns a tokenizer whose tokens are single characters."""
    tokens = [*_CHARACTERS, "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    return CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=_MAX_TOKENS)


def _text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=_MAX_TOKENS,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return CLIPTextModel(config)


def _autoencoder() -> AutoencoderKL:
    return AutoencoderKL(
        sample_size=32,
        block_out_channels=(8, 8, 16, 16),  # three halvings
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        norm_num_groups=4,
        scaling_factor=1.0,
    )


def _scheduler(prediction_type: str) -> DDIMScheduler:
    """Returns a deterministic scheduler."""
    return DDIMScheduler(prediction_type=prediction_type, clip_sample=False, steps_offset=1)


@torch.no_grad()
def _scale(module: nn.Module, kind: type[nn.Module], factor: float) -> None:
    """Multiplies the weights of a module's layers of one kind."""
    for layer in module.modules():
        if isinstance(layer, kind):
            layer.weight.mul_(factor)


@torch.no_grad()
def _smooth(module: nn.Module) -> None:
    """Averages each filter over its pixels and restores its scale."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            mean = layer.weight.mean((2, 3), keepdim=True)
            layer.weight.copy_(mean * layer.weight[0, 0].numel() ** 0.5)
