"""Makes attention.json: what PyTorch's attention computes, and its gradients.

pip install torch==2.13.0; python test/golden/attention.py
Arrays are float32 bytes in base64. Inputs are drawn from seeds in the order that test/tensor/attention.test.ts draws them, so that only
results are stored: the output, and the gradients of sum(output * weights) with respect to everything that has one.
"""

import json
import pathlib
import random

import torch
from packed import pack
from torch.nn.functional import scaled_dot_product_attention

DTYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}


def gradients(output, tensors):
    weights = torch.randn(output.shape).to(output.dtype)
    grads = torch.autograd.grad((output * weights).sum(), tensors, allow_unused=True)
    assert all(torch.isfinite(g).all() for g in grads), "a golden gradient is not finite"
    return [pack(g) for g in grads]


def draw(shape, dtype="f32"):
    return torch.randn(shape).to(DTYPES[dtype]).requires_grad_()


# --- scaled_dot_product_attention: shapes, masks, options
def sdpa(name, query, key, value, *, dtype="f32", mask=None, mask_kind=None, causal=False, scale=None, gqa=False, dropout=0.0, seed=0):
    torch.manual_seed(seed)
    q, k, v = draw(query, dtype), draw(key, dtype), draw(value, dtype)
    tensors = [q, k, v]
    m = None
    if mask_kind == "bool":
        m = torch.rand(mask) > 0.4
    elif mask_kind == "float":
        m = draw(mask, dtype)
        tensors.append(m)
    out = scaled_dot_product_attention(q, k, v, attn_mask=m, is_causal=causal, scale=scale, enable_gqa=gqa, dropout_p=dropout)
    assert torch.isfinite(out).all(), name
    spec = dict(name=name, seed=seed, dtype=dtype, query=query, key=key, value=value, mask=mask, maskKind=mask_kind)
    return spec | dict(
        isCausal=causal, scale=scale, enableGqa=gqa, dropoutP=dropout, output=pack(out), gradients=gradients(out, tensors)
    )


cases = [
    sdpa("4-D", [2, 3, 5, 8], [2, 3, 5, 8], [2, 3, 5, 8]),
    sdpa("3-D", [2, 4, 8], [2, 6, 8], [2, 6, 5]),
    sdpa("2-D", [4, 8], [6, 8], [6, 8]),
    sdpa("2-D causal", [5, 8], [5, 8], [5, 8], causal=True),
    sdpa("3-D boolean", [2, 4, 8], [2, 6, 8], [2, 6, 8], mask=[4, 6], mask_kind="bool"),
    sdpa("3-D float", [2, 4, 8], [2, 6, 8], [2, 6, 8], mask=[2, 4, 6], mask_kind="float"),
    sdpa("causal", [2, 2, 6, 4], [2, 2, 6, 4], [2, 2, 6, 4], causal=True),
    sdpa("causal, fewer queries", [1, 2, 3, 4], [1, 2, 7, 4], [1, 2, 7, 4], causal=True),
    sdpa("causal, more queries", [1, 2, 7, 4], [1, 2, 3, 4], [1, 2, 3, 4], causal=True),
    sdpa("one query", [2, 4, 1, 8], [2, 4, 9, 8], [2, 4, 9, 8]),
    sdpa("one key", [2, 2, 3, 4], [2, 2, 1, 4], [2, 2, 1, 4]),
    sdpa("rows without a key", [1, 2, 9, 4], [1, 2, 2, 4], [1, 2, 2, 4], mask=[9, 2], mask_kind="bool", seed=3),
    sdpa("grouped", [2, 6, 4, 8], [2, 2, 5, 8], [2, 2, 5, 8], gqa=True),
    sdpa("multi-query, mask of heads", [2, 4, 3, 8], [2, 1, 5, 8], [2, 1, 5, 6], gqa=True, mask=[4, 3, 5], mask_kind="bool"),
    sdpa("grouped, float mask", [2, 4, 3, 8], [2, 2, 5, 8], [2, 2, 5, 8], gqa=True, mask=[2, 4, 3, 5], mask_kind="float"),
    sdpa("dropout", [2, 3, 5, 8], [2, 3, 7, 8], [2, 3, 7, 8], dropout=0.3, seed=5),
    sdpa("dropout, grouped", [1, 4, 3, 8], [1, 2, 6, 8], [1, 2, 6, 8], dropout=0.5, gqa=True, seed=6),
    sdpa("f16", [1, 2, 5, 8], [1, 2, 5, 8], [1, 2, 5, 8], dtype="f16", causal=True),
    sdpa("bf16", [1, 2, 5, 8], [1, 2, 5, 8], [1, 2, 5, 8], dtype="bf16", causal=True),
    sdpa("f16, boolean", [1, 2, 4, 8], [1, 2, 6, 8], [1, 2, 6, 8], dtype="f16", mask=[4, 6], mask_kind="bool"),
    sdpa("bf16, float", [1, 2, 4, 8], [1, 2, 6, 8], [1, 2, 6, 8], dtype="bf16", mask=[1, 1, 4, 6], mask_kind="float"),
]

pick = random.Random(2017)
for seed in range(24):
    rank = pick.choice([2, 3, 4, 4, 4])
    groups, heads = pick.choice([1, 1, 2, 3]), pick.choice([1, 2])
    B, T, S, D, E = pick.randint(1, 2), pick.randint(1, 6), pick.randint(1, 7), pick.choice([1, 3, 4, 8]), pick.choice([1, 4, 5])
    lead = lambda h: [B, h, T, S][: rank - 2] if rank < 4 else [B, h]
    query, key, value = lead(heads * groups) + [T, D], lead(heads) + [S, D], lead(heads) + [S, E]
    kind = pick.choice([None, "bool", "float", "causal"])
    whole = query[:-2] + [T, S]
    mask = [n if pick.random() < 0.6 else 1 for n in whole][pick.randint(0, rank - 2) :]
    cases.append(
        sdpa(
            f"random {seed}",
            query,
            key,
            value,
            mask=mask if kind in ("bool", "float") else None,
            mask_kind=kind if kind != "causal" else None,
            causal=kind == "causal",
            scale=pick.choice([None, 0.5, -0.3, 2.0]),
            gqa=rank == 4 and groups > 1,
            seed=seed + 100,
        )
    )


# --- attention written out, from what the papers and the models of transformers say
def masked(scores, keep):
    return scores.masked_fill(~keep, float("-inf"))


def formula(name, query, key, body, extra=(), value=None):
    torch.manual_seed(len(name))
    q, k, v = draw(query), draw(key), draw(value or key)
    more = [draw(shape) for shape in extra]
    groups = query[1] // key[1]
    keys, values = k.repeat_interleave(groups, 1), v.repeat_interleave(groups, 1)
    products = q @ keys.transpose(-2, -1)
    T, S = query[2], key[2]
    t, s = torch.arange(T).view(T, 1), torch.arange(S)
    out = body(products, values, t, s, *more)
    spec = dict(name=name, query=query, key=key, value=value or key, extra=[list(e) for e in extra])
    return spec | dict(output=pack(out), gradients=gradients(out, [q, k, v, *more]))


def softmax_zeros(scores):  # a row of -inf gives zeros
    none = (scores == float("-inf")).all(-1, keepdim=True)
    return scores.masked_fill(none, 0).softmax(-1).masked_fill(none, 0)


def soft_cap(p, v, t, s):  # Gemma 2: scale, cap, mask
    scores = torch.tanh(p * 8**-0.5 / 1.5) * 1.5
    return masked(scores, s <= t).softmax(-1) @ v


def alibi(p, v, t, s):  # Press, Smith and Lewis 2022
    slopes = torch.tensor([2.0**-2, 2.0**-4, 2.0**-6, 2.0**-8]).view(4, 1, 1)
    return masked(p * 8**-0.5 + slopes * (s - t), s <= t).softmax(-1) @ v


def window(p, v, t, s):  # four keys that end with the query's own position
    return masked(p * 8**-0.5, (s <= t + 3) & (s > t + 3 - 4)).softmax(-1) @ v


def both_sides(p, v, t, s):
    return masked(p * 8**-0.5, (s - t).abs() <= 1).softmax(-1) @ v


def lengths(p, v, t, s):
    keep = (s < torch.tensor([5, 2, 0]).view(3, 1, 1, 1)) & (s <= t + torch.tensor([2, 0, 1]).view(3, 1, 1, 1))
    return softmax_zeros(masked(p * 8**-0.5, keep)) @ v


def sink(p, v, t, s, sinks):  # gpt-oss: a logit beside the scores, dropped after the softmax
    scores = masked(p * 8**-0.5, s <= t + 2)
    logits = torch.cat([scores, sinks.view(1, -1, 1, 1).expand(*scores.shape[:-1], 1)], -1)
    return logits.softmax(-1)[..., :-1] @ v


def batch_sink(p, v, t, s, sinks):
    logits = torch.cat([p * 8**-0.5, sinks[:, :, None, None].expand(*p.shape[:-1], 1)], -1)
    return logits.softmax(-1)[..., :-1] @ v


def relative(p, v, t, s, table):  # T5 (Raffel et al. 2020): no scale, a learned bias for each distance and head
    bias = table[(s - t).clamp(-2, 2) + 2].permute(2, 0, 1)
    return (p + bias).softmax(-1) @ v


def everything(p, v, t, s, bias, gain):  # scale, cap, score, mask
    scores = torch.tanh(p * 0.7 / 3) * 3
    scores = scores * gain.view(1, -1, 1, 1) + bias
    keep = (s <= t + 2) & ((s >= t + 2 - 3) & (s % 2 == 0) | (s == t + 2))
    return softmax_zeros(masked(scores, keep)) @ v


formulas = [
    formula("softcap", [2, 2, 5, 8], [2, 2, 5, 8], soft_cap),
    formula("alibi", [2, 4, 5, 8], [2, 4, 5, 8], alibi),
    formula("alibi, grouped", [2, 4, 5, 8], [2, 2, 5, 8], alibi),
    formula("window", [1, 2, 4, 8], [1, 2, 7, 8], window),
    formula("window both sides", [1, 2, 6, 8], [1, 2, 6, 8], both_sides),
    formula("lengths", [3, 2, 3, 8], [3, 2, 5, 8], lengths),
    formula("sink", [2, 4, 3, 8], [2, 2, 5, 8], sink, [[4]], [2, 2, 5, 6]),
    formula("batch sink", [2, 3, 4, 8], [2, 3, 5, 8], batch_sink, [[2, 3]]),
    formula("relative", [2, 3, 5, 8], [2, 3, 6, 8], relative, [[5, 3]]),
    formula("everything", [2, 4, 4, 8], [2, 2, 6, 8], everything, [[1, 4, 4, 6], [4]]),
]

path = pathlib.Path(__file__).with_suffix(".json")
lines = {name: "[\n" + ",\n".join(map(json.dumps, rows)) + "\n]" for name, rows in {"cases": cases, "formulas": formulas}.items()}
path.write_text("{\n" + ",\n".join([f'"torch": "{torch.__version__}"'] + [f'"{n}": {t}' for n, t in lines.items()]) + "\n}\n")
print(path, path.stat().st_size)
