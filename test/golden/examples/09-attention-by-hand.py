"""Makes 09-attention-by-hand.json: similarity, scale and softmax, and the function `attention` in PyTorch. pip install torch==2.13.0 numpy"""

import math

import torch
import torch.nn as nn
from pack import save

vectors = torch.tensor([[0.9, 0.7, 0.1], [0.8, 0.9, 0.2], [0.1, 0.2, 0.9]])
scores = torch.tensor([12.5, 30.8, 25.1])
scaled = scores / math.sqrt(64)


def attention(query, key, value, dropout=None):
    d_k = query.size(-1)
    scores = torch.matmul(query, key.transpose(-2, -1)) / math.sqrt(d_k)
    p_attn = scores.softmax(dim=-1)
    if dropout is not None:
        p_attn = dropout(p_attn)
    return torch.matmul(p_attn, value), p_attn


torch.manual_seed(42)
query, key, value = torch.randn(1, 4, 64), torch.randn(1, 4, 64), torch.randn(1, 4, 64)
output, pattern = attention(query, key, value)
dropout = nn.Dropout(0.5)
dropped, dropped_pattern = attention(query, key, value, dropout)
evaluated, _ = attention(query, key, value, dropout.eval())
save(
    __file__,
    similarity=vectors @ vectors.T,
    scaled=scaled,
    weights=scaled.softmax(0),
    unscaled=scores.softmax(0),
    output=output,
    pattern=pattern,
    dropped=dropped,
    droppedPattern=dropped_pattern,
    evaluated=evaluated,
    prints=[str(x) for x in (scores, scaled, scaled.softmax(0), scores.softmax(0), pattern, dropped_pattern)],
)
