"""Makes additive.json: additive and multiplicative attention as they are usually written in PyTorch, with gradients.

pip install torch==2.13.0 numpy; python test/golden/additive.py
Arrays are float32 bytes in base64. Weights and inputs are drawn from seeds, so that only results are stored.
"""

import json
import math
import pathlib

import torch
from packed import pack
from torch import nn


B, T, S, Q, K, A, E = 2, 3, 4, 5, 6, 7, 3


class Bahdanau(nn.Module):
    """v tanh(W q + U k), over all pairs at once."""

    def __init__(self, bias):
        super().__init__()
        self.query = nn.Linear(Q, A, bias=bias)
        self.key = nn.Linear(K, A, bias=bias)
        self.score = nn.Linear(A, 1, bias=False)

    def forward(self, query, key):
        return self.score(torch.tanh(self.query(query)[:, :, None] + self.key(key)[:, None])).squeeze(-1)


class Luong(nn.Module):
    def __init__(self, method, width):
        super().__init__()
        self.method = method
        if method == "general":
            self.project = nn.Linear(width, Q, bias=False)
        if method == "concat":
            self.project = nn.Linear(Q + width, A, bias=False)
            self.score = nn.Linear(A, 1, bias=False)

    def forward(self, query, key):
        if self.method == "dot":
            return torch.einsum("btd,bsd->bts", query, key)
        if self.method == "general":
            return torch.einsum("btd,bsd->bts", query, self.project(key))
        pairs = torch.cat(
            (query[:, :, None].expand(-1, -1, key.shape[1], -1), key[:, None].expand(-1, query.shape[1], -1, -1)), -1
        )
        return self.score(torch.tanh(self.project(pairs))).squeeze(-1)


KEEP = {
    "none": torch.ones(B, T, S).bool(),
    "lengths": (torch.arange(S) < torch.tensor([4, 2])[:, None])[:, None].expand(B, T, S),
    "causal": torch.ones(T, S).tril(S - T).bool().expand(B, T, S),
    # the second query of the first entry may see nothing
    "boolean": torch.tensor([[[1, 0, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1]], [[0, 0, 0, 1], [1, 0, 0, 1], [0, 1, 1, 0]]]).bool(),
}


def run(make, mask, key_width=K):
    torch.manual_seed(11)
    module = make()
    torch.manual_seed(12)
    query, key, value = (torch.randn(B, n, w, requires_grad=True) for n, w in ((T, Q), (S, key_width), (S, E)))
    bias = torch.randn(T, S, requires_grad=True)
    weight = torch.randn(B, T, E)
    scores = module(query, key)
    if mask == "additive":
        scores = scores + bias
    else:
        scores = scores.masked_fill(~KEEP[mask], -math.inf)
    seen = ~torch.isinf(scores).all(-1, keepdim=True)
    pattern = torch.where(seen, torch.where(seen, scores, 0.0).softmax(-1), 0.0)
    mixed = pattern @ value
    loss = (mixed * weight).sum() + pattern.square().sum()
    loss.backward()
    gradients = {"query": query.grad, "key": key.grad, "value": value.grad}
    if mask == "additive":
        gradients["bias"] = bias.grad
    gradients |= {name: p.grad for name, p in module.named_parameters()}
    return {"mixed": pack(mixed), "pattern": pack(pattern), "gradients": {n: pack(g) for n, g in gradients.items()}}


cases = {f"additive {mask}": run(lambda: Bahdanau(False), mask) for mask in [*KEEP, "additive"]}
cases["additive with biases"] = run(lambda: Bahdanau(True), "lengths")
cases["dot causal"] = run(lambda: Luong("dot", Q), "causal", Q)
cases["general boolean"] = run(lambda: Luong("general", K), "boolean")
cases["general additive"] = run(lambda: Luong("general", K), "additive")
cases["concat lengths"] = run(lambda: Luong("concat", K), "lengths")

path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(cases) + "\n")
print(path, path.stat().st_size)
