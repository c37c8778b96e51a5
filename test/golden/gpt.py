"""Makes gpt.json: a GPT as it is usually written in PyTorch, its initial weights and ten losses of training; the logits of a
GPT-2 of transformers; and tokens drawn from logits.

pip install torch==2.13.0 transformers numpy; python test/golden/gpt.py
Weights and batches come from seeds; only hashes, losses and logits are stored.
"""

import hashlib
import json
import math
import pathlib

import torch
from packed import pack
import torch.nn.functional as F
from torch import nn


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.c_attn = nn.Linear(width, 3 * width)
        self.c_proj = nn.Linear(width, width)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = (t.view(B, T, self.heads, C // self.heads).transpose(1, 2) for t in self.c_attn(x).split(C, dim=2))
        scores = q @ k.transpose(-2, -1) / math.sqrt(C // self.heads)
        future = torch.triu(torch.ones(T, T, dtype=torch.bool), diagonal=1)
        pattern = scores.masked_fill(future, float("-inf")).softmax(-1)
        return self.c_proj((pattern @ v).transpose(1, 2).reshape(B, T, C))


class FeedForward(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.c_fc = nn.Linear(width, 4 * width)
        self.c_proj = nn.Linear(4 * width, width)

    def forward(self, x):
        return self.c_proj(F.gelu(self.c_fc(x), approximate="tanh"))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.attn = Attention(width, heads)
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = FeedForward(width)

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class GPT(nn.Module):
    def __init__(self, vocabulary, context, layers, heads, width):
        super().__init__()
        self.wte = nn.Embedding(vocabulary, width)
        self.wpe = nn.Embedding(context, width)
        self.h = nn.ModuleList([Block(width, heads) for _ in range(layers)])
        self.ln_f = nn.LayerNorm(width)
        self.lm_head = nn.Linear(width, vocabulary, bias=False)
        self.wte.weight = self.lm_head.weight
        self.apply(self.init_weights)
        for name, parameter in self.named_parameters():
            if name.endswith("c_proj.weight"):
                nn.init.normal_(parameter, mean=0.0, std=0.02 / math.sqrt(2 * layers))

    def init_weights(self, module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, mean=0.0, std=0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)

    def loss(self, ids, targets):
        x = self.wte(ids) + self.wpe(torch.arange(ids.shape[1]))
        for block in self.h:
            x = block(x)
        return F.cross_entropy(self.lm_head(self.ln_f(x)).flatten(0, 1), targets.flatten())


def train(vocabulary, context, layers, heads, width, batch):
    torch.manual_seed(1337)
    model = GPT(vocabulary, context, layers, heads, width)
    weights = {}
    for name, p in model.named_parameters():
        digest = hashlib.sha256(p.detach().numpy().tobytes()).hexdigest()
        weights[name] = {"shape": list(p.shape), "sha256": digest, "begins": p.detach().flatten()[:3].tolist()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1)
    generator = torch.Generator().manual_seed(42)
    losses = []
    for _ in range(10):
        # Letters that follow one another, so that there is something to learn.
        start = torch.randint(vocabulary, (batch, 1), generator=generator)
        stride = torch.randint(1, 4, (batch, 1), generator=generator)
        text = (start + stride * torch.arange(context + 1)) % vocabulary
        loss = model.loss(text[:, :-1], text[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append({"loss": loss.item(), "norm": norm.item()})
    config = {"vocabularySize": vocabulary, "context": context, "layers": layers, "heads": heads, "width": width}
    return {"config": config, "batch": batch, "weights": weights, "losses": losses}


def hugging_face():
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(vocab_size=48, n_positions=16, n_embd=16, n_layer=2, n_head=2, bos_token_id=None, eos_token_id=None)
    model = GPT2LMHeadModel(config).eval()
    state = {name: t for name, t in model.state_dict().items() if name != "lm_head.weight"}
    generator = torch.Generator().manual_seed(3)
    for tensor in state.values():
        tensor.copy_(torch.randn(tensor.shape, generator=generator) * 0.3)
    ids = torch.tensor([[5, 17, 42, 0, 3, 3, 47], [1, 2, 3, 4, 5, 6, 7]])
    with torch.no_grad():
        logits = model(ids).logits
        greedy = model.generate(ids[:1], attention_mask=torch.ones_like(ids[:1]), max_new_tokens=8, do_sample=False, pad_token_id=0)
    return {
        "config": json.loads(config.to_json_string(use_diff=False)),
        "names": {name: list(t.shape) for name, t in state.items()},
        "ids": ids.tolist(),
        "logits": pack(logits),
        "greedy": greedy[0, ids.shape[1] :].tolist(),
    }


def sampling():
    """As transformers' generate: temperature, top-k, top-p, softmax, multinomial."""
    cases = []
    for temperature, top_k, top_p in [(1, None, None), (0.8, 10, None), (1.3, None, 0.9), (0.7, 20, 0.6), (2, 3, 0.99)]:
        generator = torch.Generator().manual_seed(11)
        tokens = []
        for _ in range(40):
            logits = torch.randn(1, 50, generator=generator) * 3 / temperature
            if top_k:
                logits[logits < torch.topk(logits, top_k).values[:, -1:]] = -float("inf")
            if top_p:
                ordered, indices = torch.sort(logits, descending=False)
                remove = ordered.softmax(-1).cumsum(-1) <= (1 - top_p)
                remove[..., -1:] = False
                logits = logits.masked_fill(remove.scatter(1, indices, remove), -float("inf"))
            tokens.append(torch.multinomial(logits.softmax(-1), 1, generator=generator).item())
        cases.append({"temperature": temperature, "topK": top_k, "topP": top_p, "tokens": tokens})
    return cases


result = {
    "tiny": train(vocabulary=29, context=12, layers=2, heads=4, width=32, batch=4),
    "demo": train(vocabulary=65, context=64, layers=4, heads=4, width=128, batch=12),
    "huggingFace": hugging_face(),
    "sampling": sampling(),
}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(result, indent=1) + "\n")
print(path, path.stat().st_size, [step["loss"] for step in result["demo"]["losses"]])
