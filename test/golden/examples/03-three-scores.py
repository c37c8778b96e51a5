"""Makes 03-three-scores.json: four scores on the same query, key and value, in PyTorch. pip install torch==2.13.0 numpy"""

import math

import torch
import torch.nn as nn
from pack import save

B, T, S, D, hidden = 1, 6, 6, 16, 32

torch.manual_seed(42)
query, key, value = torch.randn(B, T, D), torch.randn(B, S, D), torch.randn(B, S, D)
W, U, v = nn.Linear(D, hidden, bias=False), nn.Linear(D, hidden, bias=False), nn.Linear(hidden, 1, bias=False)
general = nn.Linear(D, D, bias=False)

scores = [
    v(torch.tanh(W(query).unsqueeze(2) + U(key).unsqueeze(1))).squeeze(-1),
    query @ key.transpose(-2, -1),
    query @ general(key).transpose(-2, -1),
    query @ key.transpose(-2, -1) / math.sqrt(D),
]
patterns = [each.softmax(-1) for each in scores]
save(__file__, scores=scores, patterns=patterns, mixed=[pattern @ value for pattern in patterns])
