"""Makes convolution.json: what PyTorch's layers of convolution, pooling and batch normalisation draw, are called, print and compute.

pip install torch==2.13.0; python test/golden/convolution.py
Arrays are float32 bytes in base64. Inputs are drawn from seeds, so that only results are stored.
"""

import json
import pathlib

import torch
from packed import pack, state
from torch import nn


# --- drawn and computed: each layer is made right after torch.manual_seed(123), its input right after that, in training mode
LAYERS = {
    "conv1d": (lambda: nn.Conv1d(3, 4, 5), (2, 3, 11)),
    "conv1dStrided": (lambda: nn.Conv1d(4, 6, 3, stride=2, padding=1, dilation=2, groups=2, bias=False), (4, 13)),
    "conv2d": (lambda: nn.Conv2d(3, 5, 3, padding=1), (2, 3, 6, 7)),
    "conv2dWide": (lambda: nn.Conv2d(2, 4, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 3)), (1, 2, 9, 8)),
    "conv2dSame": (lambda: nn.Conv2d(2, 3, 4, padding="same"), (1, 2, 6, 6)),
    "conv2dReflect": (lambda: nn.Conv2d(2, 3, 3, padding=2, padding_mode="reflect"), (1, 2, 5, 6)),
    "conv2dCircular": (lambda: nn.Conv2d(2, 3, (3, 4), padding="same", padding_mode="circular"), (1, 2, 5, 6)),
    "conv2dReplicate": (lambda: nn.Conv2d(4, 4, 3, padding=(1, 2), groups=4, padding_mode="replicate"), (2, 4, 3, 4)),
    "maxPool1d": (lambda: nn.MaxPool1d(3, stride=2), (2, 3, 11)),
    "maxPool2d": (lambda: nn.MaxPool2d((3, 2), stride=2, padding=1, ceil_mode=True), (2, 3, 7, 8)),
    "avgPool1d": (lambda: nn.AvgPool1d(3, stride=2, padding=1), (2, 3, 11)),
    "avgPool2d": (lambda: nn.AvgPool2d(3, stride=(2, 1), padding=(1, 0), count_include_pad=False), (2, 3, 7, 8)),
    "adaptiveAvgPool1d": (lambda: nn.AdaptiveAvgPool1d(4), (2, 3, 11)),
    "adaptiveAvgPool2d": (lambda: nn.AdaptiveAvgPool2d((None, 3)), (2, 3, 4, 7)),
    "adaptiveAvgPool2dOne": (lambda: nn.AdaptiveAvgPool2d(1), (2, 3, 4, 7)),
    "flatten": (lambda: nn.Flatten(), (2, 3, 4)),
    "batchNorm1d": (lambda: nn.BatchNorm1d(3), (4, 3)),
    "batchNorm2d": (lambda: nn.BatchNorm2d(3, eps=0.1, momentum=0.3), (2, 3, 4, 5)),
    "batchNorm2dPlain": (lambda: nn.BatchNorm2d(3, affine=False, track_running_stats=False), (2, 3, 4, 5)),
    "batchNorm1dMean": (lambda: nn.BatchNorm1d(3, momentum=None), (4, 3, 5)),
}
layers = {}
for name, (make, shape) in LAYERS.items():
    torch.manual_seed(123)
    module = make()
    drawn = state(module)
    x = torch.randn(shape)
    layers[name] = {"state": drawn, "text": str(module), "shape": shape, "output": pack(module(x))}

# --- batch normalisation over three batches, then evaluation, with the gradients of the last batch
norms = {}
for name, make in {
    "plain": lambda: nn.BatchNorm2d(3),
    "mean": lambda: nn.BatchNorm2d(3, momentum=None),
    "untracked": lambda: nn.BatchNorm2d(3, track_running_stats=False),
}.items():
    torch.manual_seed(5)
    module = make()
    nn.init.normal_(module.weight)
    nn.init.normal_(module.bias)
    outputs = []
    for _ in range(3):
        x = torch.randn(2, 3, 4, 5, requires_grad=True)
        w = torch.randn(2, 3, 4, 5)
        y = module(x)
        outputs.append(pack(y))
    module.zero_grad()
    (y * w).sum().backward()
    gradients = [pack(t.grad) for t in (x, module.weight, module.bias)]
    after = state(module)
    norms[name] = {"outputs": outputs, "gradients": gradients, "state": after, "eval": pack(module.eval()(x))}

# --- a small network learns: five losses of stochastic gradient descent
torch.manual_seed(7)
model = nn.Sequential(
    nn.Conv2d(1, 4, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(4, 6, 3, padding=1, groups=2), nn.BatchNorm2d(6), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3),
)  # fmt: skip
x = torch.randn(8, 1, 12, 12)
y = torch.randint(0, 3, (8,))
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
losses = []
for _ in range(5):
    loss = nn.functional.cross_entropy(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
learned = {"losses": losses, "state": state(model), "eval": pack(model.eval()(x))}

path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps({"layers": layers, "norms": norms, "learned": learned}, indent=1) + "\n")
print(path, path.stat().st_size)
