"""Self-attention as a layer, on 32 vectors, and on the patches of an image; and ResNet-50 on one image, as torchvision has it."""

import math

import torch
from torch import nn

C = 512
IMAGE = (1, 3, 224, 224)


class SelfAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.query, self.key, self.value = nn.Linear(C, C), nn.Linear(C, C), nn.Linear(C, C)

    def forward(self, x):
        q, k, v = self.query(x), self.key(x), self.value(x)
        return torch.softmax(q @ k.transpose(-2, -1) / math.sqrt(C), dim=-1) @ v


class MultiHeadSelfAttention(SelfAttention):
    def __init__(self):
        super().__init__()
        self.output = nn.Linear(C, C)

    def forward(self, x):
        q, k, v = (w(x).unflatten(-1, (8, 64)).transpose(-3, -2) for w in (self.query, self.key, self.value))
        pattern = torch.softmax(q @ k.transpose(-2, -1) / 8, dim=-1)
        return self.output((pattern @ v).transpose(-3, -2).flatten(-2))


class PatchAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, C, 16, stride=16)
        self.attention = MultiHeadSelfAttention()

    def forward(self, images):
        return self.attention(self.patches(images).flatten(2).transpose(1, 2))


class Bottleneck(nn.Module):
    def __init__(self, inputs, width, stride, downsample):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, 4 * width, 1, bias=False), nn.BatchNorm2d(4 * width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample

    def forward(self, x):
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        y += x if self.downsample is None else self.downsample(x)
        return self.relu(y)


def stage(inputs, width, count, stride):
    downsample = nn.Sequential(nn.Conv2d(inputs, 4 * width, 1, stride, bias=False), nn.BatchNorm2d(4 * width))
    first = Bottleneck(inputs, width, stride, downsample)
    return nn.Sequential(first, *(Bottleneck(4 * width, width, 1, None) for _ in range(count - 1)))


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, padding=3, bias=False), nn.BatchNorm2d(64)
        self.relu, self.maxpool = nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, padding=1)
        self.layer1, self.layer2 = stage(64, 64, 3, 1), stage(256, 128, 4, 2)
        self.layer3, self.layer4 = stage(512, 256, 6, 2), stage(1024, 512, 3, 2)
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(2048, 1000)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images):
        x = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


def _call(shape, make):
    torch.manual_seed(42)
    x = torch.randn(shape)
    model = make().eval()
    return lambda: model(x)


def forward():
    return _call((32, C), SelfAttention)


def forwardHeads():
    return _call((32, C), MultiHeadSelfAttention)


def forwardPatches():
    return _call(IMAGE, PatchAttention)


def forwardResNet():
    return _call(IMAGE, ResNet)
