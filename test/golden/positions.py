"""Makes positions.json: positions as transformers computes them.

pip install torch==2.13.0 transformers numpy; python -P test/golden/positions.py (-P: safetensors.py beside it is not the package)
Arrays are float32 bytes in base64, whole numbers plain lists. Inputs are drawn from seeds, so that only results are stored.
"""

import base64
import json
import math
import pathlib

import torch
from transformers import LlamaConfig
from transformers.models.bloom.modeling_bloom import build_alibi_tensor
from transformers.models.gpt_neox import modeling_gpt_neox as neox
from transformers.models.gptj import modeling_gptj as gptj
from transformers.models.llama import modeling_llama as llama
from transformers.models.marian.modeling_marian import MarianSinusoidalPositionalEmbedding
from transformers.models.mpt.modeling_mpt import build_mpt_alibi_tensor
from transformers.models.t5.modeling_t5 import T5Attention
from transformers import T5Config
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS


def pack(t):
    return {"shape": list(t.shape), "data": base64.b64encode(t.detach().float().contiguous().numpy().tobytes()).decode()}


B, H, T, D = 2, 2, 5, 16
FAR = [[0, 1, 2, 3, 4], [7, 100, 1000, 3000, 5000]]
NEAR = [[0, 1, 2, 3, 4], [7, 8, 9, 10, 50]]

# --- rotary, halves: config.json in old and new words, then what Llama's code makes of it
SIZES = {"hidden_size": 64, "num_attention_heads": 4, "max_position_embeddings": 256}
SHORT = [1 + 0.05 * i for i in range(8)]
LONG = [1 + 0.9 * i for i in range(8)]
CONFIGS = {
    "default": {**SIZES, "rope_theta": 10000.0},
    "base": {**SIZES, "rope_parameters": {"rope_type": "default", "rope_theta": 500000.0}},
    "headWidth": {**SIZES, "hidden_size": 96, "head_dim": 16, "rope_theta": 12345.0},
    "linear": {**SIZES, "rope_theta": 10000.0, "rope_scaling": {"type": "linear", "factor": 2.5}},
    "dynamic": {**SIZES, "rope_parameters": {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 3.0}},
    "yarn": {
        **SIZES,
        "rope_parameters": {
            "rope_type": "yarn",
            "rope_theta": 10000.0,
            "factor": 4.0,
            "original_max_position_embeddings": 64,
        },
    },
    "yarnDeepSeek": {
        **SIZES,
        "rope_theta": 10000.0,
        "rope_scaling": {
            "type": "yarn",
            "factor": 40.0,
            "beta_fast": 8,
            "beta_slow": 2,
            "mscale": 1.0,
            "mscale_all_dim": 0.7,
            "original_max_position_embeddings": 128,
        },
    },
    "yarnUntruncated": {
        **SIZES,
        "rope_parameters": {
            "rope_type": "yarn",
            "rope_theta": 150000.0,
            "factor": 32.0,
            "truncate": False,
            "attention_factor": 1.25,
            "original_max_position_embeddings": 128,
        },
    },
    "llama3": {
        **SIZES,
        "rope_theta": 500000.0,
        "rope_scaling": {
            "rope_type": "llama3",
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192,
        },
    },
    "longrope": {
        **SIZES,
        "rope_parameters": {
            "rope_type": "longrope",
            "rope_theta": 10000.0,
            "short_factor": SHORT,
            "long_factor": LONG,
            "original_max_position_embeddings": 64,
            "factor": 4.0,
        },
    },
    "proportional": {
        **SIZES,
        "rope_parameters": {
            "rope_type": "proportional",
            "rope_theta": 10000.0,
            "partial_rotary_factor": 0.4,
            "factor": 2.0,
        },
    },
}


def rotated(module, positions, dtype=torch.float32):
    torch.manual_seed(3)
    x = torch.randn(B, H, T, D).to(dtype)
    cos, sin = module(x, torch.tensor(positions))
    return llama.apply_rotary_pos_emb(x, x, cos, sin)[0]


rotary = {}
for name, config in CONFIGS.items():
    made = LlamaConfig(**json.loads(json.dumps(config)))
    rotary[name] = {
        "config": config,
        "frequencies": pack(llama.LlamaRotaryEmbedding(made).inv_freq),
        "scale": llama.LlamaRotaryEmbedding(made).attention_scaling,
        "near": pack(rotated(llama.LlamaRotaryEmbedding(made), NEAR)),
        "far": pack(rotated(llama.LlamaRotaryEmbedding(made), FAR)),
    }
rotary["default"]["bfloat16"] = pack(
    rotated(llama.LlamaRotaryEmbedding(LlamaConfig(**CONFIGS["default"])), NEAR, torch.bfloat16)
)

# --- part of each head, in both conventions; positions 0 to T-1
torch.manual_seed(4)
x = torch.randn(B, H, T, D, requires_grad=True)
weight = torch.randn(B, H, T, D)
R = 6
angles = torch.arange(T).float()[:, None] / (10000 ** (torch.arange(0, R, 2).float() / R))
both = torch.cat((angles, angles), -1)[None]
halves = neox.apply_rotary_pos_emb(x, x, both.cos(), both.sin())[0]
table = gptj.create_sinusoidal_positions(T, R)
sin, cos = table.split(R // 2, -1)
turned = gptj.apply_rotary_pos_emb(x[..., :R].transpose(1, 2), sin[None], cos[None]).transpose(1, 2)
interleaved = torch.cat((turned, x[..., R:]), -1)
whole = gptj.create_sinusoidal_positions(T, D)
sin, cos = whole.split(D // 2, -1)
parts = {
    "halves": {"value": pack(halves), "gradient": pack(torch.autograd.grad((halves * weight).sum(), x)[0])},
    "interleaved": {
        "value": pack(interleaved),
        "gradient": pack(torch.autograd.grad((interleaved * weight).sum(), x)[0]),
    },
    "interleavedWhole": {
        "value": pack(gptj.apply_rotary_pos_emb(x.transpose(1, 2), sin[None], cos[None]).transpose(1, 2))
    },
}

# --- ALiBi
slopes, mpt = {}, {}
for heads in [1, 2, 3, 4, 6, 8, 11, 12, 16, 20]:
    slopes[heads] = pack(build_alibi_tensor(torch.ones(1, 2), heads, torch.float32)[:, 0, 1])
    mpt[heads] = pack(-build_mpt_alibi_tensor(heads, 2)[:, 0, 0])
alibi = {"slopes": slopes, "mpt": mpt}

# --- ALiBi in attention: the authors' bias on top of a causal mask
torch.manual_seed(5)
q, k, v = (torch.randn(1, 6, 7, 8) for _ in range(3))
bias = build_alibi_tensor(torch.ones(1, 7), 6, torch.float32).view(1, 6, 1, 7)
scores = q @ k.transpose(-2, -1) / math.sqrt(8) + bias
scores = scores.masked_fill(torch.ones(7, 7).triu(1).bool(), -math.inf)
alibi["mixed"] = pack(scores.softmax(-1) @ v)

# --- sinusoids: Marian's tables, and the paper's order of columns as the Annotated Transformer writes it
div = torch.exp(torch.arange(0, 6, 2).double() * -(math.log(10000.0) / 6))
annotated = torch.zeros(9, 6, dtype=torch.double)
annotated[:, 0::2] = torch.sin(torch.arange(9).double()[:, None] * div)
annotated[:, 1::2] = torch.cos(torch.arange(9).double()[:, None] * div)
sinusoids = {
    "halves": pack(MarianSinusoidalPositionalEmbedding(300, 6).create_weight()[::23]),
    "halvesOdd": pack(MarianSinusoidalPositionalEmbedding(4, 5).create_weight()),
    "interleaved": pack(annotated),
}

# --- T5
buckets = {}
for bidirectional, count, farthest in [
    (True, 32, 128), (False, 32, 128), (True, 8, 20), (False, 6, 100), (True, 64, 1000), (False, 12, 37)
]:
    distances = torch.arange(-farthest - 20, farthest + 21)
    found = T5Attention._relative_position_bucket(distances, bidirectional, count, farthest)
    buckets[f"{bidirectional} {count} {farthest}"] = found.tolist()
relative = {}
for name, decoder, (t, s), past in [("encoder", False, (5, 5), 0), ("decoder", True, (2, 7), 5), ("cross", False, (3, 6), 0)]:
    torch.manual_seed(6)
    config = T5Config(
        d_model=8, d_kv=4, num_heads=3, relative_attention_num_buckets=8, relative_attention_max_distance=6,
        is_decoder=decoder,
    )
    attention = T5Attention(config, has_relative_attention_bias=True, layer_idx=0)
    attention.relative_attention_bias.weight.data.copy_(torch.randn(8, 3))
    biases = attention.compute_bias(t, s, past_seen_tokens=past)
    (biases * torch.arange(biases.numel()).view_as(biases)).sum().backward()
    relative[name] = {
        "weight": pack(attention.relative_attention_bias.weight),
        "bias": pack(biases),
        "gradient": pack(attention.relative_attention_bias.weight.grad),
    }

result = {
    "near": NEAR, "far": FAR, "rotary": rotary, "parts": parts, "alibi": alibi, "sinusoids": sinusoids,
    "buckets": buckets, "relative": relative,
}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(result) + "\n")
print(path, path.stat().st_size)
