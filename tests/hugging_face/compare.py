# SPDX-License-Identifier: Apache-2.0
"""Checkpoints of this library in transformers, folders of transformers in this library, and one step of AdamW beside PyTorch's.

    compare.py RAPTR_EXPORT FOLDER [MODEL ...]

MODEL: gpt2, llama, llama-tied, bert; all of them if none is named. A GPT-2 of the size of gpt2 (124 million weights), a Llama of 125 million
with grouped queries (100 million with a tied head), and a BERT of the size of BERT-small, with random weights, where every bias, gain and token
type is drawn too. Exit code 1 if a difference is larger than the bounds below.
"""
import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")
import torch
import transformers
from safetensors.torch import load_file, save_file

LOGITS = 1e-4     # largest difference
LOSS = 1e-5       # relative, of the step
NORM = 1e-5       # relative, of the whole gradient
UPDATES = 1e-4    # root mean square of the difference of all updates, relative to that of the updates
WORST = 0.02      # largest difference of two updates, in units of the learning rate

program, work, wanted = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:] or ["gpt2", "llama", "llama-tied", "bert"]
(work / "ours").mkdir(parents=True, exist_ok=True)
failures = 0
torch.manual_seed(0)
torch.set_num_threads(2)


def say(ok, text):
    global failures
    failures += not ok
    print(("ok   " if ok else "FAIL ") + text, flush=True)


def ours(*words):
    done = subprocess.run([program, *map(str, words)], stdout=subprocess.PIPE, text=True, check=True)
    return ", ".join(f"{name} {m['seconds']:.1f} s, {m['MiB']} MiB" for name, m in json.loads(done.stdout).items())


def logits_of(model, ids):
    with torch.no_grad():
        out = model.eval()(torch.as_tensor(ids)[None])
    return (out.logits if hasattr(out, "logits") else out.prediction_logits)[0]


def compare_logits(name, folder, theirs):
    mine = load_file(folder / "expected.safetensors")["logits"]
    gap = (mine - theirs).abs().max().item()
    say(gap <= LOGITS, f"{name}: {tuple(mine.shape)} logits up to {theirs.abs().max():.2f}, largest difference {gap:.1e}")


def opened(kind, folder):
    start = time.time()
    model, report = kind.from_pretrained(folder, output_loading_info=True)
    left = {key: sorted(map(str, value)) for key, value in report.items() if value}
    return model.float(), left, time.time() - start


# Ours to theirs.
for name, kinds in (("gpt2", [transformers.AutoModelForCausalLM, transformers.GPT2LMHeadModel]),
                    ("llama", [transformers.AutoModelForCausalLM, transformers.LlamaForCausalLM]),
                    ("llama-tied", [transformers.AutoModelForCausalLM]),
                    ("bert", [transformers.BertForPreTraining, transformers.AutoModelForMaskedLM])):
    if name not in wanted:
        continue
    folder = work / "ours" / name
    print(f"{name}, saved by raptr: {ours('save', name, folder)}")
    expected = load_file(folder / "expected.safetensors")
    for k, kind in enumerate(kinds):
        model, left, seconds = opened(kind, folder)
        if kind is transformers.AutoModelForMaskedLM:  # which has neither pooler nor head of next-sentence prediction
            left.pop("unexpected_keys", None)
        say(not left, f"{type(model).__name__} opens it in {seconds:.1f} s, tensors left over or missing: {left or 'none'}")
        compare_logits(f"{type(model).__name__} on ours", folder, logits_of(model, expected["ids"]))
    if name == "bert":
        saved = load_file(folder / "model.safetensors")
        model = transformers.BertForPreTraining.from_pretrained(folder)
        same = all(torch.equal(saved[key], model.state_dict()[key]) for key in saved if "pooler" in key or "seq_rel" in key or "token_type" in key)
        say(same and saved["bert.embeddings.token_type_embeddings.weight"].abs().min() > 0, "pooler, next-sentence head and token types are there")
    shutil.rmtree(folder)


# Theirs to ours.
def random_model(kind, config, spread=0.01):
    model = kind(config)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.randn_like(p) * (0.1 if p.dim() == 1 else spread))
    return model


def decay_groups(model, step):
    named = {id(p): p for p in model.parameters()}.values()
    return [{"params": [p for p in named if p.dim() > 1], "weight_decay": step["weight_decay"]},
            {"params": [p for p in named if p.dim() == 1], "weight_decay": 0.0}]


def canonical(tensors, prefix):
    """Names as in our files."""
    return {key if key.startswith(("transformer.", "model.", "bert.", "cls.", "lm_head.")) else prefix + key: value for key, value in tensors.items()}


gpt2 = transformers.GPT2Config(vocab_size=50257, n_positions=1024, n_embd=768, n_layer=12, n_head=12)
bert = transformers.BertConfig(vocab_size=30522, hidden_size=512, num_hidden_layers=4, num_attention_heads=8, intermediate_size=2048)
llama = dict(vocab_size=32000, hidden_size=768, num_hidden_layers=12, num_attention_heads=12, num_key_value_heads=4, intermediate_size=2048,
             max_position_embeddings=1024, rms_norm_eps=1e-5)
# The second name of a tied weight, and the first.
tied = {"gpt2": ("lm_head.weight", "wte.weight"), "bert": ("cls.predictions.decoder.weight", "embeddings.word_embeddings.weight"),
        "llama-tied": ("lm_head.weight", "embed_tokens.weight")}
for name, kind, config, prefix in (("gpt2", transformers.GPT2LMHeadModel, gpt2, "transformer."),
                                   ("llama", transformers.LlamaForCausalLM, transformers.LlamaConfig(**llama), "model."),
                                   ("llama-tied", transformers.LlamaForCausalLM,
                                    transformers.LlamaConfig(**llama, tie_word_embeddings=True, rope_parameters={"rope_type": "default", "rope_theta": 5e5}),
                                    "model."),
                                   ("bert", transformers.BertForPreTraining, bert, "bert.")):
    if name not in wanted:
        continue
    causal = name != "bert"
    model = random_model(kind, config)
    ids = torch.randint(3, config.vocab_size, (64,))
    rows = torch.arange(63) if causal else torch.tensor([2, 3, 17, 30, 31, 44, 50, 60, 63])
    targets = ids[rows + 1] if causal else torch.randint(3, config.vocab_size, rows.shape)
    folder, into = work / "theirs", work / "read"

    def write(change=None, **options):
        for f in (folder, into):
            shutil.rmtree(f, ignore_errors=True)
        (change or model).save_pretrained(folder, **options)

    def read(case, reference, step):
        batch = {"ids": ids, "rows": rows, "targets": targets} if step else {"ids": ids}
        save_file(batch, folder / "batch.safetensors")
        print(f"{name}, {case}: {ours('load', folder, into)}")
        compare_logits(f"{kind.__name__}, {case}", into, logits_of(reference, ids))

    write(max_shard_size="100MB" if causal else "20MB")
    say(not (folder / "model.safetensors").exists(), f"{name} is in {len(list(folder.glob('model-*')))} files")
    read("sharded", model, False)

    half = kind(config)
    half.load_state_dict(model.state_dict())
    half.to(torch.bfloat16)
    write(half)
    reference = kind(config)  # in float32 from the start: a model that was converted keeps the rounded angles of its positions
    reference.load_state_dict(half.state_dict())
    read("in bfloat16", reference, False)
    del half, reference

    write()
    tensors = load_file(folder / "model.safetensors")
    bare = {key.removeprefix(prefix): value for key, value in tensors.items()}
    twice = {second: bare[first].clone() for second, first in [tied[name]]} if name in tied else {}
    save_file({**bare, **twice}, folder / "model.safetensors", metadata={"format": "pt"})
    read("without prefix" + (" and with the tied weight twice" if twice else ""), model, False)

    write()
    tensors = canonical(load_file(folder / "model.safetensors"), prefix)
    read("as saved", model, True)
    kept = load_file(into / "loaded" / "model.safetensors")
    changed = [key for key in tensors if key not in kept or not torch.equal(tensors[key], kept[key])]
    say(not changed and set(kept) == set(tensors), f"{name}: {len(kept)} tensors come back with their bits, changed or lost: {changed or 'none'}")

    # One step.
    mine = json.loads((into / "step.json").read_text())
    start = time.time()
    model.eval()
    model.zero_grad()
    out = model(ids[None])
    logits = (out.logits if causal else out.prediction_logits)[0]
    loss = torch.nn.functional.cross_entropy(logits[rows], targets)
    loss.backward()
    used = [p for p in model.parameters() if p.grad is not None]
    norm = sum(p.grad.double().square().sum().item() for p in used) ** 0.5
    in_float = torch.nn.utils.clip_grad_norm_(used, mine["clip"]).item()  # adds up tens of millions of squares in float
    optimizer = torch.optim.AdamW(decay_groups(model, mine), lr=mine["lr"], betas=tuple(mine["betas"]), eps=mine["eps"])
    optimizer.step()
    seconds = time.time() - start
    say(abs(mine["loss"] / loss.item() - 1) <= LOSS, f"{name}, step: loss {mine['loss']:.6f}, PyTorch {loss.item():.6f}")
    say(abs(mine["norm"] / norm - 1) <= NORM and norm > mine["clip"], f"{name}, step: gradient norm {mine['norm']:.6f}, PyTorch {norm:.6f}, "
                                                                      f"clipped to 1 (its own clip_grad_norm_ says {in_float:.6f})")
    stepped = load_file(into / "stepped" / "model.safetensors")
    state = model.state_dict()
    difference = size = count = worst = 0.0
    for key, value in stepped.items():
        theirs = state[key].double() - tensors[key].double()
        gap = value.double() - state[key].double()
        if "pooler" in key or "seq_rel" in key:
            say(torch.equal(value, tensors[key]), f"{key} is as it was")
            continue
        difference += gap.square().sum().item()
        size += theirs.square().sum().item()
        count += gap.numel()
        worst = max(worst, gap.abs().max().item() / mine["lr"])
        if "token_type" in key:
            say(gap.abs().max().item() <= WORST * mine["lr"], f"{key}: row 0 moves {theirs[0].abs().max():.1e}, row 1 {theirs[1].abs().max():.1e}, "
                                                            f"largest difference {gap.abs().max():.1e}")
    rms = (difference / size) ** 0.5
    say(rms <= UPDATES and worst <= WORST, f"{name}, step: {count:.0f} updates of AdamW, difference {rms:.1e} of them (root mean square), "
                                           f"largest {worst:.1e} of the rate; PyTorch took {seconds:.1f} s")
    del model, optimizer, stepped, state, tensors

# What a folder may ask for besides the usual: numbers of the shape and policies of the block.
small = dict(vocab_size=1000, n_positions=64, n_embd=96, n_layer=4, n_head=6)
little = dict(vocab_size=1000, max_position_embeddings=64, hidden_size=96, num_hidden_layers=4, num_attention_heads=6, intermediate_size=192)
slight = dict(vocab_size=1000, max_position_embeddings=64, hidden_size=96, num_hidden_layers=4, num_attention_heads=6, intermediate_size=192)
llama3 = {"rope_type": "llama3", "rope_theta": 1e4, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 32}
for kind, sizes, member, value in ((transformers.LlamaForCausalLM, slight, "rms_norm_eps", 1e-2),
                                   (transformers.LlamaForCausalLM, slight, "num_key_value_heads", 2),
                                   (transformers.LlamaForCausalLM, slight, "rope_parameters", {"rope_type": "default", "rope_theta": 500.0}),
                                   (transformers.LlamaForCausalLM, slight, "rope_parameters", {"rope_type": "linear", "rope_theta": 1e4, "factor": 4.0}),
                                   (transformers.LlamaForCausalLM, slight, "rope_parameters", llama3),
                                   (transformers.LlamaForCausalLM, slight, "tie_word_embeddings", True),
                                   (transformers.GPT2LMHeadModel, small, "layer_norm_epsilon", 1e-3),
                                   (transformers.GPT2LMHeadModel, small, "activation_function", "gelu"),
                                   (transformers.GPT2LMHeadModel, small, "scale_attn_weights", False),
                                   (transformers.GPT2LMHeadModel, small, "scale_attn_by_inverse_layer_idx", True),
                                   (transformers.GPT2LMHeadModel, small, "tie_word_embeddings", False),
                                   (transformers.BertForMaskedLM, little, "layer_norm_eps", 1e-3),
                                   (transformers.BertForMaskedLM, little, "hidden_act", "gelu_new"),
                                   (transformers.BertForMaskedLM, little, "type_vocab_size", 1),
                                   (transformers.BertForMaskedLM, little, "type_vocab_size", 16),
                                   (transformers.BertForMaskedLM, little, "tie_word_embeddings", False)):
    if kind.config_class.model_type not in wanted:
        continue
    config = kind.config_class(**sizes, **{member: value})
    model = random_model(kind, config, 0.1)
    if not config.tie_word_embeddings and hasattr(model, "cls"):  # two tensors of one bias, of which the forward pass uses the decoder's
        with torch.no_grad():
            model.cls.predictions.bias.copy_(model.cls.predictions.decoder.bias)
    folder, into = work / "theirs", work / "read"
    for f in (folder, into):
        shutil.rmtree(f, ignore_errors=True)
    model.save_pretrained(folder)
    ids = torch.randint(3, config.vocab_size, (64,))
    save_file({"ids": ids}, folder / "batch.safetensors")
    ours("logits", folder, into)
    compare_logits(f"{kind.__name__} with {member} {value}", into, logits_of(model, ids))
    if member not in ("type_vocab_size", "num_key_value_heads") and (member, value) != ("tie_word_embeddings", True):  # the same weights without it: what a reader that ignored the member would compute
        ignored = kind(kind.config_class(**sizes))
        ignored.load_state_dict(model.state_dict(), strict=False)
        gap = (logits_of(ignored, ids) - logits_of(model, ids)).abs().max().item()
        say(gap > 3 * LOGITS, f"{kind.__name__} without {member} {value}: largest difference {gap:.1e}")
shutil.rmtree(work)
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(f"torch {torch.__version__}, transformers {transformers.__version__}; this process {memory} MiB; {failures} failures")
sys.exit(failures > 0)
