"""Makes multihead.json: torch.nn.MultiheadAttention with the masks and arguments that nn.json has not, and its gradients.

pip install torch==2.13.0 numpy; python test/golden/multihead.py
Arrays are float32 bytes in base64. Modules come from seed 5, inputs from seed 6, masks from seed 8.
"""

import json
import pathlib
import warnings

import torch
from packed import pack
from torch import nn

warnings.filterwarnings("ignore", message="Support for mismatched")


B, T, S, E, H = 2, 3, 4, 8, 2
torch.manual_seed(8)
added = torch.randn(T, S)
padding_scores = torch.randn(B, S)
per_head = torch.randn(B * H, T, S)
banned = per_head > 0.8
padding = torch.tensor([[0, 0, 0, 1], [0, 1, 0, 1]]).bool()
causal = torch.ones(T, T).triu(1).bool()


def run(options=None, *, heads=H, batch_first=True, inputs="cross", gradients=False, training=False, widths=(E, E, E), **call):
    torch.manual_seed(5)
    options = options or {}
    module = nn.MultiheadAttention(E, heads, batch_first=batch_first, **options).train(training)
    if module.in_proj_bias is not None:
        nn.init.normal_(module.in_proj_bias)
        nn.init.normal_(module.out_proj.bias)
    torch.manual_seed(6)
    batch = [] if inputs == "unbatched" else [B]
    lengths = (T, T, T) if inputs == "self" else (T, S, S)
    tensors = [torch.randn(*batch, n, w) for n, w in zip(lengths, widths)]
    if inputs == "self":
        tensors = [tensors[0]] * 3
    if inputs == "memory":
        tensors[2] = tensors[1]
    leaves = [t.requires_grad_(gradients) for t in tensors]
    if batch and not batch_first:
        tensors = [t.transpose(0, 1) for t in tensors]
        if inputs == "self":
            tensors = [tensors[0]] * 3
        if inputs == "memory":
            tensors[2] = tensors[1]
    output, weights = module(*tensors, **call)
    result = {"output": pack(output), "weights": None if weights is None else pack(weights)}
    if gradients:
        loss = output.square().sum()
        (loss if weights is None else loss + 3 * weights.square().sum()).backward()
        result["gradients"] = {name: pack(p.grad) for name, p in module.named_parameters()}
        result["gradients"] |= {f"input {i}": pack(x.grad) for i, x in enumerate(dict.fromkeys(leaves))}
    return result


cases = {
    "floatPadding": run(key_padding_mask=padding_scores),
    "floatBoth": run(key_padding_mask=padding_scores, attn_mask=added),
    "boolPaddingFloatMask": run(key_padding_mask=padding, attn_mask=added),
    "floatPaddingBoolMask": run(key_padding_mask=padding_scores, attn_mask=banned[0]),
    "boolPerHead": run(attn_mask=banned, average_attn_weights=False),
    "boolPerHeadPadding": run(attn_mask=banned & ~padding.repeat_interleave(H, 0)[:, None], key_padding_mask=padding),
    "unbatchedPadding": run(inputs="unbatched", key_padding_mask=padding[1]),
    "unbatchedPerHead": run(inputs="unbatched", attn_mask=per_head[:H], average_attn_weights=False),
    "memory": run(inputs="memory", key_padding_mask=padding),
    "memorySequenceFirst": run(inputs="memory", batch_first=False, attn_mask=banned[1]),
    "selfSequenceFirst": run(inputs="self", batch_first=False, attn_mask=causal, is_causal=True),
    "hintWithoutWeights": run(inputs="self", attn_mask=causal, is_causal=True, need_weights=False),
    "hintWithPadding": run(
        inputs="self", attn_mask=causal, is_causal=True, key_padding_mask=padding[:, :T], need_weights=False
    ),
    "oneHead": run(heads=1, attn_mask=added),
    "asManyHeadsAsWidth": run(heads=8, key_padding_mask=padding),
    "biasKvFloatMask": run({"add_bias_kv": True}, attn_mask=per_head, key_padding_mask=padding_scores),
    "zeroKeySequenceFirst": run({"add_zero_attn": True}, batch_first=False, key_padding_mask=padding),
    "widthsNoBias": run({"kdim": 6, "vdim": 5, "bias": False}, widths=(8, 6, 5), attn_mask=added),
    "onlyKeysWider": run({"kdim": 10}, widths=(8, 10, 8), need_weights=False),
    "gradients": run(gradients=True, key_padding_mask=padding, attn_mask=added),
    "gradientsSelf": run(gradients=True, inputs="self", attn_mask=causal, need_weights=False),
    "gradientsMemory": run(gradients=True, inputs="memory", average_attn_weights=False),
    "gradientsEverything": run(
        {"kdim": 6, "vdim": 5, "add_bias_kv": True, "add_zero_attn": True},
        widths=(8, 6, 5), gradients=True, attn_mask=banned, key_padding_mask=padding_scores,
    ),
    "dropped": run({"dropout": 0.3}, training=True, attn_mask=added),
    "droppedWithoutWeights": run({"dropout": 0.3}, training=True, attn_mask=added, need_weights=False),
}

path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(cases) + "\n")
print(path, path.stat().st_size)
