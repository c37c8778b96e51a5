"""Makes nn.json: what PyTorch's layers draw, are called, print and compute.

pip install torch==2.13.0; python test/golden/nn.py
Arrays are float32 bytes in base64. Inputs are drawn from seeds, so that only results are stored.
"""

import json
import pathlib

import torch
from packed import pack, state
from torch import nn


# --- drawn numbers: each entry is made right after torch.manual_seed(seed)
LAYERS = {
    "linear": lambda: nn.Linear(3, 2),
    "linearWide": lambda: nn.Linear(20, 17),
    "linearNoBias": lambda: nn.Linear(5, 4, bias=False),
    "embedding": lambda: nn.Embedding(7, 5),
    "embeddingSmall": lambda: nn.Embedding(2, 3),
    "embeddingPadded": lambda: nn.Embedding(6, 5, padding_idx=-2),
    "layerNorm": lambda: nn.LayerNorm([2, 3]),
    "rmsNorm": lambda: nn.RMSNorm(4),
    "attention": lambda: nn.MultiheadAttention(8, 2),
    "attentionNoBias": lambda: nn.MultiheadAttention(8, 4, bias=False),
    "attentionWidths": lambda: nn.MultiheadAttention(8, 2, kdim=6, vdim=5, add_bias_kv=True),
    "sequential": lambda: nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)),
}
drawn = {}
for name, make in LAYERS.items():
    torch.manual_seed(123)
    module = make()
    drawn[name] = {"state": state(module), "text": str(module), "next": torch.rand(1).item()}

INITS = {
    "uniform": lambda w: nn.init.uniform_(w, -0.3, 2.5),
    "normal": lambda w: nn.init.normal_(w, 1.0, 0.02),
    "constant": lambda w: nn.init.constant_(w, 0.3),
    "kaimingUniform": lambda w: nn.init.kaiming_uniform_(w, mode="fan_out", nonlinearity="relu"),
    "kaimingNormal": lambda w: nn.init.kaiming_normal_(w, a=0.2),
    "xavierUniform": lambda w: nn.init.xavier_uniform_(w, gain=5 / 3),
    "xavierNormal": lambda w: nn.init.xavier_normal_(w),
    "truncNormal": lambda w: nn.init.trunc_normal_(w, 0.1, 1.0, -0.7, 1.2),
    "truncNormalNarrow": lambda w: nn.init.trunc_normal_(w, 0.0, 1.0, 0.5, 0.8),
    "truncNormalFar": lambda w: nn.init.trunc_normal_(w, 0.0, 1.0, 1.5, 3.0),
}
inits = {}
for name, fill in INITS.items():
    torch.manual_seed(7)
    inits[name] = pack(fill(torch.empty(6, 5, 2)))

# --- attention: module from seed 5, inputs from seed 6
T, S, B = 3, 4, 2


def attention(make, *, batch_first=False, self_attention=False, batched=True, widths=(8, 8, 8), **call):
    torch.manual_seed(5)
    module = make().eval()
    nn.init.normal_(module.out_proj.bias) if module.out_proj.bias is not None else None
    torch.manual_seed(6)
    lengths = (T, T, T) if self_attention else (T, S, S)
    tensors = [torch.randn(*((B, n, w) if batched else (n, w))) for n, w in zip(lengths, widths)]
    if self_attention:
        tensors = [tensors[0]] * 3
    if batched and not batch_first:
        tensors = [t.transpose(0, 1) for t in tensors]
    output, weights = module(*tensors, **call)
    return {"output": pack(output), "weights": None if weights is None else pack(weights)}


torch.manual_seed(8)
additive = torch.randn(T, S)
per_head = torch.randn(B * 2, T, S)
banned = torch.tensor([[0, 1, 0, 0], [0, 0, 0, 1], [1, 0, 1, 0]]).bool()
padding = torch.tensor([[0, 0, 0, 1], [0, 0, 1, 1]]).bool()
causal = nn.Transformer.generate_square_subsequent_mask(T)
plain = lambda **o: lambda: nn.MultiheadAttention(8, 2, **o)
attentions = {
    "plain": attention(plain()),
    "batchFirst": attention(plain(batch_first=True), batch_first=True, self_attention=True),
    "perHead": attention(plain(batch_first=True), batch_first=True, average_attn_weights=False),
    "noWeights": attention(plain(batch_first=True), batch_first=True, need_weights=False),
    "unbatched": attention(plain(), batched=False),
    "noBias": attention(plain(bias=False)),
    "widths": attention(plain(kdim=6, vdim=5, batch_first=True), batch_first=True, widths=(8, 6, 5)),
    "additive": attention(plain(batch_first=True), batch_first=True, attn_mask=additive),
    "additivePerHead": attention(plain(batch_first=True), batch_first=True, attn_mask=per_head),
    "boolean": attention(plain(batch_first=True), batch_first=True, attn_mask=banned),
    "padding": attention(plain(batch_first=True), batch_first=True, key_padding_mask=padding),
    "paddingAndBoolean": attention(
        plain(batch_first=True), batch_first=True, key_padding_mask=padding, attn_mask=banned[[0, 1, 0]]
    ),
    "causal": attention(
        plain(batch_first=True), batch_first=True, self_attention=True, attn_mask=causal, is_causal=True
    ),
    "extraKeys": attention(
        plain(batch_first=True, add_bias_kv=True, add_zero_attn=True),
        batch_first=True,
        key_padding_mask=padding,
        attn_mask=banned,
        average_attn_weights=False,
    ),
}

# --- dropout on the weights, outside any compilation: PyTorch's stream
torch.manual_seed(9)
module = nn.MultiheadAttention(8, 2, dropout=0.4, batch_first=True)
x = torch.randn(B, T, 8)
output, weights = module(x, x, x)
dropped = {"output": pack(output), "weights": pack(weights)}

# --- printing
texts = {}
for name, module in {
    "nested": nn.Sequential(
        nn.Linear(2, 3),
        nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2), nn.ReLU()]),
        nn.Sequential(nn.Embedding(5, 3, padding_idx=0), nn.LayerNorm(4), nn.RMSNorm([4, 2], eps=1e-6)),
        nn.GELU(approximate="tanh"),
        nn.Dropout(0.1),
        nn.CrossEntropyLoss(),
        nn.LayerNorm(3, eps=0.5, elementwise_affine=False),
        nn.LayerNorm(3, bias=False),
        nn.Identity(),
        nn.Softmax(-1),
    ),
    "empty": nn.Sequential(),
    "activations": nn.Sequential(nn.LeakyReLU(0.2), nn.LeakyReLU(), nn.LogSoftmax(dim=1)),
    "dictionary": nn.ModuleDict(
        {
            "embedding": nn.Embedding(5, 2),
            "layers": nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)]),
            "loss": nn.KLDivLoss(),
        }
    ),
}.items():
    texts[name] = str(module)
texts["parameter"] = str(nn.Parameter(torch.tensor([[1.0, 2.5], [3.0, 4.0]])))

result = {"drawn": drawn, "inits": inits, "attentions": attentions, "dropped": dropped, "texts": texts}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(result, indent=1) + "\n")
print(path, path.stat().st_size)
