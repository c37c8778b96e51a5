"""Makes 07-text-generator.json: the example's model of transformers' BERT and torch's attention, its first losses, and the logits of a held-out
couplet afterwards.

pip install torch==2.13.0 transformers; python test/golden/examples/07-text-generator.py
"""

import torch
import torch.nn.functional as F
from pack import save
from tang import batches, held_out, rate, tokens
from torch import nn
from transformers import BertConfig, BertModel

STEPS, P, C, H = 3, 14, 128, 4


class TextGenerator(nn.Module):
    def __init__(self, V):
        super().__init__()
        config = BertConfig(
            vocab_size=V, hidden_size=C, num_hidden_layers=2, num_attention_heads=H, intermediate_size=512,
            max_position_embeddings=32, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        )  # fmt: skip
        config._attn_implementation = "eager"
        self.bert = BertModel(config, add_pooling_layer=False)
        self.attention = nn.MultiheadAttention(C, H, batch_first=True)
        self.output = nn.Linear(C, V)

    def forward(self, ids, start=P - 1):
        B, T = ids.shape
        positions = torch.arange(T)
        seen = (positions < P) | (positions <= positions[:, None])
        additive = torch.zeros(T, T).masked_fill(~seen, torch.finfo(torch.float32).min)
        types = (positions >= P).long().expand(B, T)
        hidden = self.bert(ids, token_type_ids=types, attention_mask=additive.expand(B, 1, T, T)).last_hidden_state
        mixed, _ = self.attention(hidden, hidden, hidden, attn_mask=~seen)
        return self.output(mixed[:, start:])


torch.manual_seed(1)
model = TextGenerator(len(tokens)).train()
optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.01)
losses = []
for ids in batches(32):
    if len(losses) == STEPS:
        break
    for group in optimizer.param_groups:
        group["lr"] = rate(len(losses), STEPS, 1e-3, 100)
    loss = F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, P:].flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())

with torch.no_grad():
    logits = model(held_out[:2, : P + 3], -1)[:, 0, :40]
    ids = held_out[:6, :P]
    for _ in range(12):
        values, indices = model(ids, -1)[:, 0].topk(10)
        choice = torch.multinomial((values / 0.8).softmax(-1), 1)
        ids = torch.cat([ids, indices.gather(1, choice)], 1)
save(__file__, losses=losses, logits=logits, poems=ids[:, P:].tolist())
