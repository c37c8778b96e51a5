"""The text generator out of BERT: BERT, self-attention and a Linear to the vocabulary, the future masked."""

import torch
from bert import Bert
from torch import nn
from weights import fill_weights

B, T, V, C, H, P = 32, 27, 4096, 128, 4, 14


class TextGenerator(nn.Module):
    def __init__(self):
        super().__init__()
        self.bert = Bert(vocabulary=V, context=32, layers=2, heads=H, width=C)
        self.attention = nn.MultiheadAttention(C, H, batch_first=True)
        self.output = nn.Linear(C, V)
        query, key = torch.arange(T).unsqueeze(1), torch.arange(T)
        self.register_buffer("hidden", ~((key < P) | (key <= query)))
        self.register_buffer("kinds", (key >= P).long().expand(B, T))

    def forward(self, ids):
        x, _ = self.bert(ids, self.kinds, self.hidden)
        mixed, _ = self.attention(x, x, x, attn_mask=self.hidden, need_weights=False)
        return self.output(mixed)


def forward():
    model = TextGenerator()
    fill_weights(model)
    ids = torch.randint(0, V, (B, T))
    return lambda: model(ids)
