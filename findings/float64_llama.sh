#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A LlamaForCausalLM in float64 computes its norms and rotary angles in float32.
#
# Setting: transformers 5.24.0, torch 2.15.0 for CPUs, Python 3.11; a tiny LlamaForCausalLM, model.double().
# Expected: arithmetic in float64, so that logits have errors of about 1e-15 and a difference of two losses gives the gradient, as with
# GPT2LMHeadModel.
# Seen: LlamaRMSNorm converts its input to float32 and the result back, and cosines and sines are made in float32, whatever the type of
# the model. The logits, which are torch.float64, are off by 1e-9 to 1e-4 of the largest, and a central difference with a step of 1e-7
# misses the derivative by more than 1 % where GPT-2 agrees to 1e-5. A check of gradients or a reference in double needs norms and angles of
# its own. (The loss that both models return is made of float32 logits, so the script takes its own.)
# Exit code 0 while this is so, 1 once it has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install --quiet "torch==2.15.0" "transformers==5.24.0" numpy
cat > "$work/model.py" <<'PYTHON'
import sys

import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

ids = torch.arange(24).reshape(2, 12)


def loss_of(model):
    logits = model(input_ids=ids).logits
    return torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())


def gap_of_derivative(model, weight):
    """Of the loss along a random direction of one weight: |central difference / derivative - 1|."""
    torch.manual_seed(1)
    loss = loss_of(model)
    (gradient,) = torch.autograd.grad(loss, weight)
    direction = gradient / gradient.norm() + 0.1 * torch.randn_like(weight)
    step = 1e-7
    values = []
    with torch.no_grad():
        for sign in (1, -1):
            weight.add_(direction, alpha=sign * step)
            values.append(loss_of(model).item())
            weight.sub_(direction, alpha=sign * step)
    return abs((values[0] - values[1]) / (2 * step) / (gradient * direction).sum().item() - 1)


def with_larger_weights(model):
    torch.manual_seed(0)
    with torch.no_grad():
        for p in model.parameters():
            if p.dim() > 1:
                p.normal_(std=0.3)
    return model.double().eval()


llama = with_larger_weights(LlamaForCausalLM(LlamaConfig(
    vocab_size=50, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=16)))
gpt2 = with_larger_weights(GPT2LMHeadModel(GPT2Config(
    vocab_size=50, n_embd=16, n_layer=2, n_head=4, n_positions=16, embd_pdrop=0, attn_pdrop=0, resid_pdrop=0,
    bos_token_id=None, eos_token_id=None)))
of_llama = gap_of_derivative(llama, llama.model.layers[0].mlp.down_proj.weight)
of_gpt2 = gap_of_derivative(gpt2, gpt2.transformer.h[0].mlp.c_proj.weight)

before = llama(input_ids=ids).logits.detach()
for module in list(llama.modules()):
    for name, child in list(module.named_children()):
        if type(child).__name__ == "LlamaRMSNorm":
            norm = torch.nn.RMSNorm(16, eps=child.variance_epsilon)
            norm.weight = child.weight
            setattr(module, name, norm.double())
after = llama(input_ids=ids).logits.detach()
gap = ((before - after).abs().max() / after.abs().max()).item()
print(f"type of weights {before.dtype}; logits change by {gap:.1e} of the largest when only the norms are computed in float64")
print(f"central difference against derivative: Llama off by {of_llama:.1e}, GPT-2 by {of_gpt2:.1e}")
sys.exit(0 if before.dtype == torch.float64 and 1e-9 < gap < 1e-4 and of_llama > 1e-2 and of_gpt2 < 1e-5 else 1)
PYTHON
export HF_HUB_OFFLINE=1
"$work/env/bin/python" "$work/model.py" 2> "$work/errors" || { echo "this has changed"; tail -5 "$work/errors"; exit 1; }
