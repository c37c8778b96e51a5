"""Scores that are changed before the softmax: by a mask that is added, by a score function of flex_attention, and spelled out."""

import math

import torch
from torch.nn.attention.flex_attention import create_block_mask, flex_attention
from torch.nn.functional import scaled_dot_product_attention


def slopes_of(heads):
    return torch.tensor([2.0 ** (-8 * (h + 1) / heads) for h in range(heads)])


def alibi_mask(query, key, value):
    H, T, _ = query.shape[1:]
    position = torch.arange(T)
    distance = position[None, :] - position[:, None]  # of key from query, [T,T]
    bias = slopes_of(H)[:, None, None] * distance
    bias = bias.masked_fill(distance > 0, -math.inf)[None]  # [1,H,T,T]
    return lambda: scaled_dot_product_attention(query, key, value, attn_mask=bias)


def alibi(query, key, value, compiled):
    slopes = slopes_of(query.shape[1])
    return flex(query, key, value, lambda score, b, h, t, s: score + slopes[h] * (s - t), compiled)


def soft_cap(query, key, value, cap, compiled):
    return flex(query, key, value, lambda score, b, h, t, s: cap * torch.tanh(score / cap), compiled)


def soft_cap_text(query, key, value, cap):
    T, D = query.shape[-2:]
    causal = torch.full((T, T), -math.inf).triu(1)

    def mix():
        scores = cap * torch.tanh(query @ key.transpose(-2, -1) / math.sqrt(D) / cap) + causal
        return torch.softmax(scores, dim=-1) @ value

    return mix


def flex(query, key, value, score, compiled):
    T = query.shape[2]
    causal = create_block_mask(lambda b, h, t, s: s <= t, None, None, T, T, device="cpu")
    call = torch.compile(flex_attention, dynamic=False) if compiled else flex_attention
    return lambda: call(query, key, value, score_mod=score, block_mask=causal)
