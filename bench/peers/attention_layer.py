"""A whole layer of self-attention, as a lesson has it: one projection to queries, keys and values, heads, and the output's projection."""

import math

import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention, softmax


class SelfAttention(nn.Module):
    def __init__(self, width, heads, context, fused):
        super().__init__()
        self.heads, self.fused = heads, fused
        self.query_key_value, self.output = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.register_buffer("causal", torch.full((context, context), -math.inf).triu(1))

    def forward(self, x):
        B, T, C = x.shape
        parts = self.query_key_value(x).split(C, dim=2)
        query, key, value = (part.view(B, T, self.heads, C // self.heads).transpose(1, 2) for part in parts)
        if self.fused:
            mixed = scaled_dot_product_attention(query, key, value, is_causal=True)
        else:
            scores = query @ key.transpose(-2, -1) / math.sqrt(C // self.heads) + self.causal[:T, :T]
            mixed = softmax(scores, dim=-1) @ value
        return self.output(mixed.transpose(1, 2).reshape(B, T, C))


def layer(B, T, C, heads, fused):
    torch.manual_seed(1)
    attention = SelfAttention(C, heads, T, fused).eval()
    x = torch.randn(B, T, C)
    return lambda: attention(x)
