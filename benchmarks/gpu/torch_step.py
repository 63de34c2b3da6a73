# SPDX-License-Identifier: Apache-2.0
"""The same training steps in PyTorch on a GPU, for comparison: scaled_dot_product_attention, bf16 autocast, fused AdamW,
torch.compile. Whole step: forward, loss at the same number of positions, backward, clipping by the global norm, update.

    python3 torch_step.py [FILE]     prints a line per model and appends JSON lines to FILE; ratios are against the
                                     figures of `steps` in FILE
"""
import json
import statistics
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

# layers, width, heads, vocabulary, tokens per sequence, sequences, causal
MODELS = {
    "gpt-small bf16": (12, 256, 4, 8192, 128, 16, True),
    "gpt2-124m bf16, B 16 T 1024": (12, 768, 12, 50257, 1024, 16, True),
    "bert-base bf16, B 64 T 512": (12, 768, 12, 30522, 512, 64, False),
}


class Block(nn.Module):
    def __init__(self, width, heads, causal):
        super().__init__()
        self.heads, self.causal = heads, causal
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def attention(self, x):
        b, t, c = x.shape
        q, k, v = (z.view(b, t, self.heads, c // self.heads).transpose(1, 2) for z in self.qkv(x).split(c, 2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        return self.out(y.transpose(1, 2).reshape(b, t, c))

    def mlp(self, x):
        return self.down(F.gelu(self.up(x), approximate="tanh" if self.causal else "none"))

    def forward(self, x):
        if self.causal:
            x = x + self.attention(self.norm1(x))
            return x + self.mlp(self.norm2(x))
        x = self.norm1(x + self.attention(x))
        return self.norm2(x + self.mlp(x))


class Model(nn.Module):
    def __init__(self, layers, width, heads, vocabulary, length, causal):
        super().__init__()
        self.causal = causal
        self.tokens, self.positions = nn.Embedding(vocabulary, width), nn.Embedding(length, width)
        self.blocks = nn.ModuleList(Block(width, heads, causal) for _ in range(layers))
        self.norm, self.transform = nn.LayerNorm(width), nn.Linear(width, width)

    def forward(self, ids, chosen, target):
        x = self.tokens(ids) + self.positions.weight[: ids.shape[1]]
        for block in self.blocks:
            x = block(x)
        x = x.view(-1, x.shape[-1])
        if not self.causal:
            x = F.gelu(self.transform(x[chosen]))
        return F.cross_entropy(F.linear(self.norm(x), self.tokens.weight).float(), target)


def milliseconds(layers, width, heads, vocabulary, length, sequences, causal):
    torch.manual_seed(0)
    model = Model(layers, width, heads, vocabulary, length, causal).cuda()
    step_model = torch.compile(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    rows = sequences * length
    ids = torch.randint(0, vocabulary, (sequences, length), device="cuda")
    chosen = torch.randperm(rows, device="cuda")[: int(0.15 * rows)]
    target = torch.randint(0, vocabulary, (rows if causal else len(chosen),), device="cuda")

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cuda", torch.bfloat16):
            loss = step_model(ids, chosen, target)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0, foreach=True)
        optimizer.step()

    for _ in range(5):
        step()
    samples = []
    for _ in range(5):
        torch.cuda.synchronize()
        begin = time.perf_counter()
        for _ in range(10):
            step()
        torch.cuda.synchronize()
        samples.append(100 * (time.perf_counter() - begin))
    return statistics.median(samples)


def ours_of(path):
    """Milliseconds of the full step of raptr by the name of the model."""
    try:
        with open(path) as lines:
            figures = [json.loads(line) for line in lines]
    except FileNotFoundError:
        return {}
    return {f["what"].rsplit(", ", 1)[0]: f["ms"] for f in figures if f.get("of full") == 1}


path = sys.argv[1] if len(sys.argv) > 1 else None
ours = ours_of(path) if path else {}
for name, sizes in MODELS.items():
    ms = milliseconds(*sizes)
    figure = {"what": "torch " + name, "ms": ms, "torch": torch.__version__}
    line = f"PyTorch {torch.__version__}, {name}: {ms:.2f} ms"
    if name in ours:
        figure["raptr ms"], figure["ratio"] = ours[name], ms / ours[name]
        line += f", raptr {ours[name]:.2f} ms, PyTorch / raptr {figure['ratio']:.2f}"
    print(line, flush=True)
    if path:
        with open(path, "a") as file:
            print(json.dumps(figure), file=file)
