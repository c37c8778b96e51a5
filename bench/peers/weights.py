"""Weights for large models that are the same on both sides, without drawing each: lib/weights.ts has the other end."""

import torch


@torch.no_grad()
def fill_weights(model):
    """Every matrix gets the first of the same numbers, N(0, 0.02²), after seed 123; whatever has one axis gets ones."""
    torch.manual_seed(123)
    numbers = torch.randn(max(p.numel() for p in model.parameters())) * 0.02
    for p in model.parameters():
        p.copy_(numbers[: p.numel()].view(p.shape) if p.dim() > 1 else torch.ones(p.shape))
