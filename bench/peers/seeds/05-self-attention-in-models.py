"""Self-attention as a layer, on 32 vectors, and on the patches of an image; and ResNet-50 on one image, as torchvision has it."""

import torch
from originals.self_attention_in_models import MultiHeadSelfAttention, PatchAttention, ResNet, SelfAttention

VECTORS, IMAGE = (32, 512), (1, 3, 224, 224)


def _call(shape, make):
    torch.manual_seed(42)
    x = torch.randn(shape)
    model = make().eval()
    return lambda: model(x)


def forward():
    return _call(VECTORS, SelfAttention)


def forwardHeads():
    return _call(VECTORS, MultiHeadSelfAttention)


def forwardPatches():
    return _call(IMAGE, PatchAttention)


def forwardResNet():
    return _call(IMAGE, ResNet)
