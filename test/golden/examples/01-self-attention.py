"""Makes 01-self-attention.json: the PyTorch class that the example follows. pip install torch==2.13.0 numpy"""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from pack import save


class SelfAttention(nn.Module):
    def __init__(self, input_dim, hidden_dim):
        super().__init__()
        self.hidden_dim = hidden_dim
        self.query = nn.Linear(input_dim, hidden_dim)
        self.key = nn.Linear(input_dim, hidden_dim)
        self.value = nn.Linear(input_dim, hidden_dim)

    def forward(self, x):
        q = self.query(x)
        k = self.key(x)
        v = self.value(x)
        scores = torch.matmul(q, k.transpose(-2, -1)) / math.sqrt(self.hidden_dim)
        pattern = F.softmax(scores, dim=-1)
        mixed = torch.matmul(pattern, v)
        return mixed, pattern


torch.manual_seed(42)
x = torch.randn(1, 5, 16)
attention = SelfAttention(16, 8)
mixed, pattern = attention(x)
save(__file__, mixed=mixed, pattern=pattern)
