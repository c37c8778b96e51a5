# A file by the reference implementation with every dtype that Heed reads: python safetensors.py > safetensors.json
import sys
sys.path.pop(0)  # this file's own name would hide the library
import base64, json
import torch
from safetensors.torch import save

torch.manual_seed(7)
tensors = {
    "wte.weight": torch.randn(5, 3),
    "h.0.attn.bias": torch.randn(3).half(),
    "h.0.attn.weight": torch.randn(3, 3).bfloat16(),
    "positions": torch.tensor([0, -1, 2**31 - 1, -(2**31)]),
    "count": torch.tensor(42, dtype=torch.int32),
    "double": torch.tensor([0.1, -1e300, 3.0], dtype=torch.float64),
    "mask": torch.tensor([[True, False, True]]),
    "bytes": torch.tensor([0, 127, 255], dtype=torch.uint8),
    "small": torch.tensor([-128, 127], dtype=torch.int8),
    "short": torch.tensor([-32768, 5], dtype=torch.int16),
    "empty": torch.zeros(0, 4),
    "\"quoted\"\n\u00e9\u4e2d\U0001F600": torch.tensor([1.5]),
    "\uffee after the emoji in UTF-16, before it in UTF-8": torch.tensor([2.5]),
}
print(json.dumps({
    "file": base64.b64encode(save(tensors, {"format": "pt"})).decode(),
    "values": {k: {"shape": list(v.shape), "data": v.double().flatten().tolist()} for k, v in tensors.items()},
    "empty": base64.b64encode(save({})).decode(),
}, indent=1))
