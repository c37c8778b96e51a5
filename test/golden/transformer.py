"""Makes transformer.json: torch.nn.Transformer and its parts with every argument, their gradients and their initial weights.

pip install torch==2.13.0 numpy; python test/golden/transformer.py
Arrays are float32 bytes in base64. Modules come from seed 5 (their biases drawn anew, so that none is zero), inputs from seed 6, masks from
seed 8. The short cut that torch takes in evaluation is switched off: padded positions are computed like all others.
"""

import hashlib
import json
import pathlib
import warnings

import torch
from packed import pack
from torch import nn
from torch.nn import functional as F

warnings.filterwarnings("ignore", message="enable_nested_tensor|Support for mismatched")
torch.backends.mha.set_fastpath_enabled(False)


B, S, T, C, H = 2, 4, 3, 8, 2
torch.manual_seed(8)
scores = {"src": torch.randn(S, S), "tgt": torch.randn(T, T), "memory": torch.randn(T, S)}
per_head = {"src": torch.randn(B * H, S, S), "tgt": torch.randn(B * H, T, T), "memory": torch.randn(B * H, T, S)}
padding_scores = {"src": torch.randn(B, S), "tgt": torch.randn(B, T)}
banned = {name: mask > 0.8 for name, mask in scores.items()}
padding = {"src": torch.tensor([[0, 0, 0, 1], [0, 0, 1, 1]]).bool(), "tgt": torch.tensor([[0, 0, 0], [0, 0, 1]]).bool()}
causal = {"src": nn.Transformer.generate_square_subsequent_mask(S), "tgt": nn.Transformer.generate_square_subsequent_mask(T)}
causal_bool = {name: mask < 0 for name, mask in causal.items()}
lists = []  # the names of a module's parameters are kept once


def run(kind="transformer", options=None, *, batched=True, training=False, norm=False, layers=2, **call):
    torch.manual_seed(5)
    options = {"dim_feedforward": 12, "batch_first": True, "dropout": 0.0} | (options or {})
    if kind == "transformer":
        module = nn.Transformer(C, H, num_encoder_layers=layers, num_decoder_layers=layers, **options)
    elif kind == "encoderLayer":
        module = nn.TransformerEncoderLayer(C, H, **options)
    elif kind == "decoderLayer":
        module = nn.TransformerDecoderLayer(C, H, **options)
    elif kind == "encoder":
        module = nn.TransformerEncoder(nn.TransformerEncoderLayer(C, H, **options), layers, nn.LayerNorm(C) if norm else None)
    elif kind == "decoder":
        module = nn.TransformerDecoder(nn.TransformerDecoderLayer(C, H, **options), layers, nn.LayerNorm(C) if norm else None)
    weights = hashlib.sha256(b"".join(p.detach().numpy().tobytes() for p in module.parameters())).hexdigest()
    for p in module.parameters():
        if p.dim() == 1:
            nn.init.normal_(p)
    module.train(training)
    torch.manual_seed(6)
    batch = [B] if batched else []
    src = torch.randn(*batch, S, C).requires_grad_()
    tgt = torch.randn(*batch, T, C).requires_grad_()
    inputs = [src] if kind.startswith("encoder") else [tgt, src] if kind.startswith("decoder") else [src, tgt]
    turned = [x if options["batch_first"] or not batched else x.transpose(0, 1) for x in inputs]
    torch.manual_seed(9)
    output = module(*turned, **call)
    output.square().sum().backward()
    result = {"weights": weights, "output": pack(output)}
    result["inputs"] = [pack(x.grad) for x in inputs]
    # Every gradient goes into two sums; the whole of each would be much to keep.
    sums = [[p.grad.double().sum(), p.grad.double().square().sum().sqrt()] for p in module.parameters()]
    result["sums"] = pack(torch.tensor(sums))
    names = [name for name, _ in module.named_parameters()]
    if names not in lists:
        lists.append(names)
        result["names"] = names
    return result


cases = {
    "plain": run(),
    "sequenceFirst": run(options={"batch_first": False}),
    "unbatched": run(batched=False),
    "normFirst": run(options={"norm_first": True}),
    "gelu": run(options={"activation": "gelu"}),
    "ownActivation": run(options={"activation": F.silu}),
    "noBias": run(options={"bias": False}),
    "eps": run(options={"layer_norm_eps": 0.1}),
    "booleanMasks": run(src_mask=banned["src"], tgt_mask=causal_bool["tgt"], memory_mask=banned["memory"]),
    "floatMasks": run(src_mask=scores["src"], tgt_mask=causal["tgt"], memory_mask=scores["memory"]),
    "masksPerHead": run(src_mask=per_head["src"], tgt_mask=per_head["tgt"], memory_mask=per_head["memory"]),
    "padding": run(
        tgt_mask=causal_bool["tgt"], src_key_padding_mask=padding["src"], tgt_key_padding_mask=padding["tgt"],
        memory_key_padding_mask=padding["src"],
    ),
    "floatPadding": run(
        tgt_mask=causal["tgt"], src_key_padding_mask=padding_scores["src"], tgt_key_padding_mask=padding_scores["tgt"],
        memory_key_padding_mask=padding_scores["src"],
    ),
    "paddingSequenceFirst": run(
        options={"batch_first": False, "norm_first": True}, tgt_mask=causal_bool["tgt"], src_key_padding_mask=padding["src"],
        memory_key_padding_mask=padding["src"],
    ),
    "unbatchedPadding": run(
        batched=False, tgt_mask=causal_bool["tgt"], src_key_padding_mask=padding["src"][1],
        tgt_key_padding_mask=padding["tgt"][1], memory_key_padding_mask=padding["src"][1],
    ),
    "hints": run(
        src_mask=causal["src"], tgt_mask=causal["tgt"], memory_mask=causal["src"][:T], src_is_causal=True, tgt_is_causal=True,
        memory_is_causal=True,
    ),
    "dropped": run(options={"dropout": 0.3}, training=True, tgt_mask=causal["tgt"], layers=1),
    "encoderLayer": run("encoderLayer", src_mask=banned["src"], src_key_padding_mask=padding["src"] & False),
    "encoderLayerDropped": run("encoderLayer", options={"dropout": 0.2}, training=True),
    "encoderLayerCausal": run("encoderLayer", src_mask=causal["src"], is_causal=True),
    "encoder": run("encoder", layers=3, src_key_padding_mask=padding["src"]),
    "encoderWithNorm": run("encoder", norm=True, mask=causal["src"], is_causal=True),
    "encoderNormFirst": run("encoder", options={"norm_first": True, "activation": "gelu"}, norm=True, mask=scores["src"]),
    "decoderLayer": run("decoderLayer", tgt_mask=causal["tgt"], memory_key_padding_mask=padding["src"]),
    "decoderLayerNormFirst": run("decoderLayer", options={"norm_first": True}, memory_mask=scores["memory"]),
    "decoderLayerDropped": run("decoderLayer", options={"dropout": 0.2}, training=True, tgt_mask=causal["tgt"]),
    "decoder": run("decoder", layers=3, tgt_mask=causal_bool["tgt"], memory_mask=banned["memory"]),
    "decoderWithNorm": run("decoder", norm=True, tgt_mask=causal["tgt"], tgt_is_causal=True, tgt_key_padding_mask=padding["tgt"] * -1.0),
}

path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(cases) + "\n")
print(path, path.stat().st_size)
