"""Writes format.json: how torch 2.13 prints tensors. Run: python format.py  (needs torch)

A case: shape, dtype, the values (a list, in which nan, inf, -inf and -0 are strings; or ["randn", seed] or ["arange", n]
for large ones), options for the printing, and the text. torch's int64 stands for i32, and dtypes are spelled our way
(so a line with a half dtype must not be so long that the longer spelling breaks it).
"""
import json
import math
import pathlib

import torch

nan, inf = math.nan, math.inf
DTYPES = {torch.float32: "f32", torch.float16: "f16", torch.bfloat16: "bf16", torch.int64: "i32", torch.bool: "bool"}
NAMES = {"precision": "precision", "threshold": "threshold", "edgeitems": "edgeitems", "linewidth": "linewidth",
         "sci_mode": "sciMode", "profile": "profile"}
cases = []


def plain(x):
    if isinstance(x, bool):
        return int(x)
    if isinstance(x, float):
        if math.isnan(x) or math.isinf(x) or (x == 0 and math.copysign(1, x) < 0):
            return "-0" if x == 0 else str(x)
        return int(x) if x == int(x) and abs(x) < 2**53 else x
    return x


def add(t, source=None, requires_grad=False, grad_fn=False, **options):
    torch.set_printoptions(profile="default")
    if options:
        torch.set_printoptions(**options)
    shown = t.clone().requires_grad_() if requires_grad or grad_fn else t
    if grad_fn:
        shown = shown * 1
    text = str(shown)
    for dtype, name in DTYPES.items():
        text = text.replace(f"dtype={dtype}", f"dtype={name}")
    case = {"shape": list(t.shape), "dtype": DTYPES[t.dtype], "data": source or [plain(x) for x in t.reshape(-1).tolist()]}
    if options:
        case["options"] = {NAMES[k]: ("Infinity" if v == inf else v) for k, v in options.items()}
    if requires_grad:
        case["requiresGrad"] = True
    if grad_fn:
        case["gradFn"] = "MulBackward0"
    cases.append({**case, "text": text})


def randn(*shape, seed=0, **rest):
    torch.manual_seed(seed)
    add(torch.randn(*shape), ["randn", seed], **rest)


def arange(*shape, **rest):
    n = math.prod(shape)
    add(torch.arange(n).reshape(shape), ["arange", n], **rest)


def f(*values, shape=None, dtype=torch.float32, **rest):
    t = torch.tensor(values, dtype=dtype)
    add(t.reshape(shape) if shape is not None else t, **rest)


# 0-d
f(3.0, shape=()), f(0.1, shape=()), f(-1e-7, shape=()), f(nan, shape=()), f(-inf, shape=()), f(1e10, shape=())
add(torch.tensor(7)), add(torch.tensor(True)), add(torch.tensor(-0.0)), add(torch.tensor(0.5, dtype=torch.float16))
f(2.5, shape=(), requires_grad=True), f(0.123456, shape=(), grad_fn=True)
# rows of floats
f(1.0, 2.0, -3.0), f(1.5, 2.0, -3.0), f(0.0, 0.0), f(-0.0, 1.0), f(-0.0, 0.25), f(0.0, nan, inf, -inf), f(1.0, nan, -inf)
f(0.5, nan, -inf), f(1e-5, 1.0), f(1e-4, 0.05), f(9.9e-5, 0.05), f(0.001, 1.0), f(0.001, 1.001), f(1000.0, 1.0, 0.5)
f(1001.0, 1.0), f(1e8, 2e8), f(100000001.0, 1e8), f(99999999.0, 5e7, 123456.0), f(1e38, 3e38), f(1e-45, 1e-40)
f(1e-9, nan, 1.0, -0.0, 0.0, -inf), f(1e30, 0.0, -1.0), f(-1.0, -22.0, 333.0), f(12345.678, 100.5)
# ties: Python rounds them to the even digit, JavaScript up
f(0.03125, 0.09375, -0.15625, 0.21875), f(1.00005, 2.00015, 0.000025), f(0.5, 1.5, 2.5, precision=0)
f(1024.5, 1.03125, precision=3), f(1e-6 * 1.5, 262145.0, 262147.0, 2097153.0, precision=3, sci_mode=True)
f(0.125, 0.375, 0.625, precision=2), f(10485.75, 32769.0, precision=4, sci_mode=True), f(9.5, 99.5, precision=0, sci_mode=True)
# integers and booleans
add(torch.tensor([1, -20, 300])), add(torch.tensor([-(2**31), 2**31 - 1])), add(torch.tensor([[True, False], [False, True]]))
add(torch.tensor([True, True])), arange(3, 4), arange(100), arange(2, 3, 2, requires_grad=False), arange(1000), arange(1001)
add(torch.zeros(30, 40, dtype=torch.bool), [0] * 1200)
# halves
f(0.1, -2.5, 3.0, dtype=torch.float16), f(0.1, -2.5, 3.0, dtype=torch.bfloat16), f(1.0, 65504.0, dtype=torch.float16)
f(6e-8, 1.0, dtype=torch.float16, requires_grad=True), f(*[0.25 * i for i in range(10)], shape=(2, 5), dtype=torch.bfloat16, grad_fn=True)
# shapes, wrapping and summaries
randn(2, 3), randn(2, 3, requires_grad=True), randn(2, 3, grad_fn=True), randn(3, 2, 4), randn(2, 2, 2, 2), randn(1, 1, 1)
randn(20), randn(3, 20), randn(2, 2, 15, grad_fn=True), randn(1001), randn(1000), randn(7, 200), randn(200, 7), randn(12, 12, 12)
randn(2, 500, 2), randn(6, 6, 6, 6), randn(5, 3, 100, requires_grad=True), randn(1, 2000), randn(2000, 1), randn(50, 50, seed=3)
randn(8), randn(9), randn(7, requires_grad=True), randn(8, requires_grad=True), randn(6, grad_fn=True), randn(2, 6, grad_fn=True)
# nothing inside
f(), f(shape=(0, 3)), add(torch.zeros(2, 0, 3)), add(torch.zeros(0, dtype=torch.int64)), add(torch.zeros(0, 2, dtype=torch.bool))
add(torch.zeros(0, dtype=torch.float16)), f(shape=(0, 3), requires_grad=True)
# options
randn(4, 4, precision=2), randn(30, linewidth=40), randn(30, linewidth=5), randn(5, 5, threshold=10, edgeitems=1)
randn(5, 5, threshold=10, edgeitems=2), randn(6, threshold=5), randn(7, threshold=5), randn(3, sci_mode=True), arange(3, sci_mode=True)
f(1e-9, 1.0, sci_mode=False), f(1e25, 1.0, sci_mode=False), f(1e25, 0.5, sci_mode=False), f(1.0, 2.0, sci_mode=True), f(0.0, nan, sci_mode=True)
randn(30, 40, profile="short"), randn(26, 40, profile="full"), arange(10, threshold=5, edgeitems=0), randn(4, 4, threshold=5, edgeitems=0)
add(torch.tensor(3), edgeitems=0), randn(3, edgeitems=0), randn(2, 2, 2, threshold=2, edgeitems=0), randn(3, 4, threshold=inf)
randn(3, 3, profile="short", precision=6), f(1234.5678, 0.00001234, precision=8), f(0.1, 0.2, precision=20)

text = "[\n" + ",\n".join(json.dumps(c, separators=(",", ":"), allow_nan=False) for c in cases) + "\n]\n"
pathlib.Path(__file__).with_name("format.json").write_text(text)
print(len(cases), "cases", len(text), "bytes")
