# SPDX-License-Identifier: Apache-2.0
"""Loads the checkpoints of export.cpp with transformers and compares the logits. Exit code 1 if they differ."""
import pathlib
import sys

import torch
import transformers

worst = 0.0
for name, kind in (("gpt2", transformers.AutoModelForCausalLM), ("bert", transformers.AutoModelForMaskedLM)):
    folder = pathlib.Path(sys.argv[1]) / name
    lines = (folder / "logits.txt").read_text().splitlines()
    ids = torch.tensor([[int(word) for word in lines[0].split()]])
    ours = torch.tensor([[float(word) for word in line.split()] for line in lines[1:]])
    model, report = kind.from_pretrained(folder, output_loading_info=True)
    left = {key: value for key, value in report.items() if value}
    with torch.no_grad():
        theirs = model.eval()(ids).logits[0]
    gap = (ours - theirs).abs().max().item()
    worst = max(worst, gap if not left else float("inf"))
    print(f"{type(model).__name__}, transformers {transformers.__version__}: largest logit {theirs.abs().max():.3f}, "
          f"largest difference {gap:.2e}, tensors left over or missing: {left or 'none'}")
sys.exit(worst > 1e-4)
