"""Writes 04-classifier.json: the classifier in PyTorch 2.13, its padding masked: what it says of a random batch, and its first losses.
Run: python 04-classifier.py  (needs torch and tokenizers)
"""
import json
import pathlib

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

root = pathlib.Path(__file__).parents[3]


class MultiHeadAttention(nn.Module):
    def __init__(self, width, heads, dropout):
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, padding):
        B, T, C = x.shape
        query, key, value = (layer(x).view(B, T, self.heads, C // self.heads).transpose(1, 2) for layer in (self.query, self.key, self.value))
        scores = query @ key.transpose(-2, -1) / (C // self.heads) ** 0.5
        pattern = scores.masked_fill(padding.view(B, 1, 1, T), float("-inf")).softmax(-1)
        mixed = self.dropout(pattern) @ value
        return pattern, mixed.transpose(1, 2).reshape(B, T, C)


class Classifier(nn.Module):
    def __init__(self, dropout, classes):
        super().__init__()
        self.embedding = nn.Embedding(5000, 512)
        self.attention = MultiHeadAttention(512, 16, dropout)
        self.output = nn.Linear(512, classes)

    def forward(self, ids):
        padding = ids == 0
        pattern, mixed = self.attention(self.embedding(ids), padding)
        pooled = mixed.masked_fill(padding[:, :, None], 0).sum(1) / (~padding).sum(1, keepdim=True)
        return self.output(pooled), pattern


NATIONALITIES = ["Czech", "English", "German", "Italian", "Polish", "Romanian", "Turkish"]


def words(name):
    letters = f"_{name.lower()}_"
    return " ".join(letters[i : i + 3] for i in range(len(name)))


lines = [line.split("\t") for line in (root / "data" / "names.tsv").read_text().splitlines()]
train = [(words(name), NATIONALITIES.index(nationality)) for nationality, name in lines][1200:]
tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
tokenizer.normalizer = normalizers.Lowercase()
tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
trainer = trainers.WordLevelTrainer(vocab_size=5000, special_tokens=["[PAD]", "[UNK]"], show_progress=False)
tokenizer.train_from_iterator([text for text, _ in train], trainer)


def collate(samples):
    ids = pad_sequence([torch.tensor(tokenizer.encode(text).ids) for text, _ in samples], batch_first=True)
    return ids, torch.tensor([label for _, label in samples])


def run(dropout, steps):
    torch.manual_seed(123)
    logits, pattern = Classifier(dropout, 2)(torch.randint(0, 5000, (3, 30)))
    model = Classifier(dropout, len(NATIONALITIES))
    loader = DataLoader(train, batch_size=64, shuffle=True, drop_last=True, collate_fn=collate)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    losses = []
    for ids, labels in loader:
        if len(losses) == steps:
            break
        loss = F.cross_entropy(model(ids)[0], labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    some = pattern[:, ::5, ::7]  # [3,4,5,30]
    return {
        "logits": logits.tolist(),
        "some": [round(x, 8) for x in some.reshape(-1).tolist()],
        "total": pattern.double().square().sum().item(),
        "losses": losses,
    }


LEARNING_RATE = 1e-3
text = json.dumps({"dropped": run(0.1, 0), "whole": run(0.0, 5)}, separators=(",", ":")) + "\n"
pathlib.Path(__file__).with_name("04-classifier.json").write_text(text)
print(len(text), "bytes")
