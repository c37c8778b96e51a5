"""Attention in PyTorch: the textbook's text, the fused function forward and backward, masks, score functions, decoding, a whole layer.

Tensors are drawn after the seed 1, in the order in which the other side draws them, which has PyTorch's generator. Forward passes
run without the bookkeeping for gradients, which makes them faster.
"""

import math

import torch
from attention_decode import copy, decode
from attention_layer import layer
from attention_scores import alibi, alibi_mask, soft_cap, soft_cap_text
from digest import digest
from peer import Work, serve
from resident import forget_peak, peak, resident
from torch.nn.functional import scaled_dot_product_attention


def draw(count, H, T, D):
    torch.manual_seed(1)
    return [torch.randn(1, H, T, D) for _ in range(count)]


def forward(mix):
    """A case of calls without gradients."""

    @torch.inference_mode()
    def run(n):
        for _ in range(n):
            mix()

    with torch.inference_mode():
        return Work(run, digest(mix()))


def text(H, T, D):
    query, key, value = draw(3, H, T, D)
    causal = torch.full((T, T), -math.inf).triu(1)  # made once, as models do

    def mix():
        scores = query @ key.transpose(-2, -1) / math.sqrt(D) + causal
        return torch.softmax(scores, dim=-1) @ value

    return forward(mix)


def fused(H, T, D):
    query, key, value = draw(3, H, T, D)
    return forward(lambda: scaled_dot_product_attention(query, key, value, is_causal=True))


def both_passes(H, T, D):
    query, key, value, seed = draw(4, H, T, D)
    leaves = [x.requires_grad_() for x in (query, key, value)]

    def passes():
        for leaf in leaves:
            leaf.grad = None
        mixed = scaled_dot_product_attention(query, key, value, is_causal=True)
        mixed.backward(seed)
        return mixed

    def run(n):
        for _ in range(n):
            passes()

    mixed = passes()
    return Work(run, digest(mixed, *(leaf.grad for leaf in leaves)))


def window(H, T, D, keys):
    query, key, value = draw(3, H, T, D)
    seen = torch.ones(T, T, dtype=torch.bool).tril().triu(1 - keys)
    return forward(lambda: scaled_dot_product_attention(query, key, value, attn_mask=seen))


def scored(case):
    def make(H, T, D, **arguments):
        return forward(case(*draw(3, H, T, D), **arguments))

    return make


def extra_memory(T, D):
    """Forward and backward of one head, once: bytes at most beside inputs, output and gradients. Libraries are warm, from a small size."""
    both_passes(1, 64, D)
    query, key, value, seed = draw(4, 1, T, D)
    leaves = [x.requires_grad_() for x in (query, key, value)]
    forget_peak()
    before = resident()
    mixed = scaled_dot_product_attention(query, key, value, is_causal=True)
    mixed.backward(seed)
    made = sum(x.numel() * x.element_size() for x in [mixed, *(leaf.grad for leaf in leaves)])
    return Work(lambda n: None, peak() - before - made)


serve(
    {
        "text": text,
        "fused": fused,
        "both_passes": both_passes,
        "window": window,
        "alibi": scored(alibi),
        "alibi_mask": scored(alibi_mask),
        "soft_cap": scored(soft_cap),
        "soft_cap_text": scored(soft_cap_text),
        "decode": lambda **arguments: forward(decode(**arguments)),
        "copy": copy,
        "layer": lambda **arguments: forward(layer(**arguments)),
        "extra_memory": extra_memory,
    }
)
