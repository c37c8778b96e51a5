"""What is sent of results so that the other side can compare its own: a few numbers of each tensor, evenly spread over its elements."""

import torch

COUNT = 64


def digest(*tensors):
    return [_spread(tensor.detach().flatten()) for tensor in tensors]


def _spread(flat):
    return flat[torch.arange(COUNT) * (flat.numel() - 1) // (COUNT - 1)].tolist()
