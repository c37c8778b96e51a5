"""Makes summary.json: how many parameters torch counts in a model and in each of its modules.

pip install torch==2.13.0; python test/golden/summary.py
"""

import json
import pathlib

from torch import nn


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(50, 16)
        self.attention = nn.MultiheadAttention(16, 4, batch_first=True, kdim=12, vdim=20)
        self.norm = nn.LayerNorm(16)
        self.feedForward = nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Dropout(0.1), nn.Linear(32, 16))
        self.head = nn.Linear(16, 50, bias=False)
        self.head.weight = self.tokens.weight
        self.norm.requires_grad_(False)


def count(parameters):
    return sum(p.numel() for p in parameters)


model = Model()
result = {
    "parameters": count(model.parameters()),
    "trainable": count(p for p in model.parameters() if p.requires_grad),
    "modules": {name: count(module.parameters()) for name, module in model.named_modules()},
}
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n")
