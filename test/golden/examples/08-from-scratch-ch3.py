"""Makes 08-from-scratch-ch3.json: the classes of the chapter in PyTorch, each from seed 123, how they print, how many parameters they have,
and a GPT with GPT-2's initial weights, of as many layers and words as the test takes. pip install torch==2.13.0 numpy"""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from pack import save

LAYERS, VOCABULARY, CONTEXT, HEADS, WIDTH = 1, 1000, 1024, 12, 768

inputs = torch.tensor(
    [[0.43, 0.15, 0.89], [0.55, 0.87, 0.66], [0.57, 0.85, 0.64], [0.22, 0.58, 0.33], [0.77, 0.25, 0.10], [0.05, 0.80, 0.55]]
)
batch = torch.stack((inputs, inputs), dim=0)


def attend(queries, keys, values):
    scores = queries @ keys.T
    weights = torch.softmax(scores / keys.shape[-1] ** 0.5, dim=-1)
    return weights @ values


class SelfAttention_v1(nn.Module):
    def __init__(self, d_in, d_out):
        super().__init__()
        self.query = nn.Parameter(torch.rand(d_in, d_out))
        self.key = nn.Parameter(torch.rand(d_in, d_out))
        self.value = nn.Parameter(torch.rand(d_in, d_out))

    def forward(self, x):
        return attend(x @ self.query, x @ self.key, x @ self.value)


class SelfAttention_v2(nn.Module):
    def __init__(self, d_in, d_out, qkv_bias=False):
        super().__init__()
        self.query = nn.Linear(d_in, d_out, bias=qkv_bias)
        self.key = nn.Linear(d_in, d_out, bias=qkv_bias)
        self.value = nn.Linear(d_in, d_out, bias=qkv_bias)

    def forward(self, x):
        return attend(self.query(x), self.key(x), self.value(x))


class CausalAttention(SelfAttention_v2):
    def __init__(self, d_in, d_out, context_length, dropout, qkv_bias=False):
        super().__init__(d_in, d_out, qkv_bias)
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("mask", torch.triu(torch.ones(context_length, context_length), diagonal=1).bool())

    def forward(self, x):
        tokens = x.shape[1]
        queries, keys, values = self.query(x), self.key(x), self.value(x)
        scores = (queries @ keys.transpose(1, 2)).masked_fill(self.mask[:tokens, :tokens], -torch.inf)
        weights = self.dropout(torch.softmax(scores / keys.shape[-1] ** 0.5, dim=-1))
        return weights @ values


class MultiHeadAttentionWrapper(nn.Module):
    def __init__(self, d_in, d_out, context_length, dropout, num_heads):
        super().__init__()
        self.heads = nn.ModuleList([CausalAttention(d_in, d_out, context_length, dropout) for _ in range(num_heads)])

    def forward(self, x):
        return torch.cat([head(x) for head in self.heads], dim=-1)


class MultiHeadAttention(CausalAttention):
    def __init__(self, d_in, d_out, context_length, dropout, num_heads, qkv_bias=False):
        super().__init__(d_in, d_out, context_length, dropout, qkv_bias)
        self.num_heads = num_heads
        self.output = nn.Linear(d_out, d_out)

    def forward(self, x):
        b, tokens, _ = x.shape
        queries, keys, values = (
            linear(x).view(b, tokens, self.num_heads, -1).transpose(1, 2) for linear in (self.query, self.key, self.value)
        )
        scores = (queries @ keys.transpose(2, 3)).masked_fill(self.mask[:tokens, :tokens], -torch.inf)
        weights = self.dropout(torch.softmax(scores / keys.shape[-1] ** 0.5, dim=-1))
        return self.output((weights @ values).transpose(1, 2).contiguous().view(b, tokens, -1))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm_1 = nn.LayerNorm(WIDTH)
        self.query_key_value = nn.Linear(WIDTH, 3 * WIDTH)
        self.output = nn.Linear(WIDTH, WIDTH)
        self.norm_2 = nn.LayerNorm(WIDTH)
        self.expand = nn.Linear(WIDTH, 4 * WIDTH)
        self.contract = nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x):
        b, tokens, _ = x.shape
        parts = self.query_key_value(self.norm_1(x)).split(WIDTH, dim=2)
        heads = (part.view(b, tokens, HEADS, -1).transpose(1, 2) for part in parts)
        mixed = F.scaled_dot_product_attention(*heads, is_causal=True)
        x = x + self.output(mixed.transpose(1, 2).reshape(b, tokens, WIDTH))
        return x + self.contract(F.gelu(self.expand(self.norm_2(x)), approximate="tanh"))


class GPT(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(VOCABULARY, WIDTH)
        self.positions = nn.Embedding(CONTEXT, WIDTH)
        self.blocks = nn.ModuleList([Block() for _ in range(LAYERS)])
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, VOCABULARY, bias=False)
        self.tokens.weight = self.head.weight
        self.apply(self.initialise)
        for name, p in self.named_parameters():
            if name.endswith(("output.weight", "contract.weight")):
                nn.init.normal_(p, mean=0.0, std=0.02 / math.sqrt(2 * LAYERS))

    def initialise(self, module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, mean=0.0, std=0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)

    def forward(self, ids):
        x = self.tokens(ids) + self.positions.weight[: ids.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def seeded(make):
    torch.manual_seed(123)
    return make()


def count(model):
    return sum(p.numel() for p in model.parameters())


v1 = seeded(lambda: SelfAttention_v1(3, 2))
v2 = seeded(lambda: SelfAttention_v2(3, 2))
first, second = v1(inputs), v2(inputs)
for name in ("query", "key", "value"):
    setattr(v1, name, nn.Parameter(getattr(v2, name).weight.T))
moved = v1(inputs)
gpt = seeded(GPT)
with torch.no_grad():
    logits = gpt(torch.randint(0, VOCABULARY, (1, 4)))
save(
    __file__,
    first=first,
    second=second,
    moved=moved,
    causal=seeded(lambda: CausalAttention(3, 2, 6, 0.0))(batch),
    dropped=seeded(lambda: CausalAttention(3, 2, 6, 0.5))(batch),
    wrapped=seeded(lambda: MultiHeadAttentionWrapper(3, 1, 6, 0.0, 2))(batch),
    heads=seeded(lambda: MultiHeadAttention(3, 2, 6, 0.0, 2))(batch),
    parameters=count(MultiHeadAttention(768, 768, 1024, 0.0, 12)),
    tied=count(gpt),
    untied=count(gpt) + gpt.head.weight.numel(),
    logits=logits[:, :, :64],
    prints=[str(x.detach()) for x in (first, second, moved)],
)
