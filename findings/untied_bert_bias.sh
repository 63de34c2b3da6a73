#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# transformers 5.24.0 loses the output bias of an untied BERT that transformers 4.57.1 saved.
#
# Setting: BertForMaskedLM with tie_word_embeddings=False, saved with save_pretrained() by 4.57.1, opened with from_pretrained() by
# 5.24.0. torch 2.15.0, Python 3.11.
# Expected: the same logits.
# Seen: 4.57.1 has one bias under two names and saves it as cls.predictions.bias. In 5.24.0 the names are two parameters when the
# head is not tied: the forward pass adds cls.predictions.decoder.bias, which the file does not have and which becomes 0, and
# nothing reads cls.predictions.bias, which also gets no gradient. The logits differ by the bias. A missing key is reported; the
# unused parameter is not.
# Exit code 0 while this is so, 1 once it has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install --quiet "torch==2.15.0" "safetensors==0.8.0" numpy
for version in 4.57.1 5.24.0; do "$work/env/bin/pip" install --quiet --target "$work/$version" "transformers==$version"; done
cat > "$work/model.py" <<'PYTHON'
import sys
import torch
import transformers
from safetensors import safe_open

folder = sys.argv[1]
ids = torch.arange(8)[None]
if transformers.__version__.startswith("4."):
    torch.manual_seed(0)
    model = transformers.BertForMaskedLM(transformers.BertConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, tie_word_embeddings=False)).eval()
    with torch.no_grad():
        model.cls.predictions.bias.copy_(torch.linspace(-1, 1, 50))
    model.save_pretrained(folder)
    torch.save(model(ids).logits.detach(), folder + "/logits.pt")
    with safe_open(folder + "/model.safetensors", "pt") as file:
        print("saved by", transformers.__version__, [name for name in file.keys() if name.startswith("cls.predictions") and name.endswith("bias") and "transform" not in name])
else:
    model, report = transformers.BertForMaskedLM.from_pretrained(folder, output_loading_info=True)
    logits = model.eval()(ids).logits
    logits.sum().backward()
    gap = (logits - torch.load(folder + "/logits.pt")).abs().max().item()
    head = model.cls.predictions
    print("opened by", transformers.__version__, "missing:", sorted(report["missing_keys"]))
    print(f"largest difference of the logits {gap:.3f}; gradient of cls.predictions.bias: {head.bias.grad}")
    sys.exit(0 if abs(gap - 1) < 1e-3 and head.bias.grad is None and head.decoder.bias.grad is not None else 1)
PYTHON
export HF_HUB_OFFLINE=1
mkdir "$work/model"
PYTHONPATH=$work/4.57.1 "$work/env/bin/python" "$work/model.py" "$work/model" 2> "$work/errors" || { tail -5 "$work/errors"; exit 2; }
PYTHONPATH=$work/5.24.0 "$work/env/bin/python" "$work/model.py" "$work/model" 2> "$work/errors" ||
  { echo "this has changed"; tail -5 "$work/errors"; exit 1; }
