# PyTorch's f16 and bf16 of awkward f32 values, as bits: python half.py > half.json
import json, random
import numpy as np, torch

random.seed(0)
edges = [0x00000000, 0x80000000, 0x00000001, 0x007FFFFF, 0x00800000, 0x33000000, 0x33000001, 0x33800000, 0x33C00000,
         0x387FC000, 0x387FDFFF, 0x387FE000, 0x387FFFFF, 0x38800000, 0x38801000, 0x38803000, 0x3F800000, 0x3F801000,
         0x3F803000, 0x3F808000, 0x3F818000, 0x477FE000, 0x477FEFFF, 0x477FF000, 0x47800000, 0x7F7FFFFF, 0x7F7F8000,
         0x7F7F7FFF, 0x7F800000, 0xFF800000, 0x7FC00000]
bits = edges + [random.getrandbits(31) | (random.getrandbits(1) << 31) for _ in range(150)]
# and as many in f16's own range, half of them exact ties
for _ in range(150):
    h = random.randrange(0x7BFF)
    lo, hi = np.array([h, h + 1], np.uint16).view(np.float16).astype(np.float64)
    f = np.float32((lo + hi) / 2).view(np.uint32)
    bits.append(int(f) + random.choice([0, 0, 1, -1]))
for _ in range(60):
    bits.append((random.randrange(0x7F7F) << 16 | 0x8000) + random.choice([0, 0, 1, -1]))
bits = [b for b in bits if (b & 0x7FFFFFFF) <= 0x7F800000 or b == 0x7FC00000]
x = torch.from_numpy(np.array(bits, np.uint32).view(np.float32))
f16 = x.half().view(torch.int16).numpy().view(np.uint16).tolist()
bf16 = x.bfloat16().view(torch.int16).numpy().view(np.uint16).tolist()
every = torch.from_numpy(np.arange(65536, dtype=np.uint16).view(np.int16))
def checksum(t):  # FNV-1a over the f32 bits in order, NaNs made one
    h = 0x811C9DC5
    for v in torch.where(t.isnan(), torch.tensor(float("nan")), t).numpy().view(np.uint32).tolist():
        h = ((h ^ v) * 0x01000193) & 0xFFFFFFFF
    return h
print(json.dumps({"f32": bits, "f16": f16, "bf16": bf16,
                  "everyF16": checksum(every.view(torch.float16).float()),
                  "everyBf16": checksum(every.view(torch.bfloat16).float())}))
