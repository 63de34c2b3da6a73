#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/oracle/fixtures: what PyTorch and transformers compute, in double precision, for tiny models.

usage: make_models.py FOLDER

gpt2.safetensors, bert.safetensors, llama.safetensors, t5.safetensors (the layers of a T5 v1.1 as a decoder whose first third of a sequence sees
itself): a model with random weights, biases and gains included, ten batches of two sequences of unequal length (padded here, with an attention mask; padding must change nothing), and what follows from them:

    start/NAME        the weights, exact in float32
    ids, lengths      (steps, 2, context), (steps, 2)
    labels            (steps, 2, context): what the logits of that place are to predict, -100: nothing
    rates             the learning rate of every step
    logits            of all rows of the first batch, without padding
    gradients/NAME    of its loss
    losses, norms     of every step, before its update; norm: of the whole gradient, before clipping
    step_1/NAME, step_10/NAME   the weights after so many steps of AdamW
    traces/NAME       (steps, 2): after every step, the sum of the tensor's elements and the sum of (i % 7 - 3) times the i-th

rules.json: learning rates of transformers' schedules, and what BERT's and Hugging Face's masking choose.
"""
import hashlib
import json
import pathlib
import re
import sys

import numpy as np
import torch
import transformers
from safetensors.numpy import save_file
from transformers import BertConfig, BertForMaskedLM, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, T5Config
from transformers.models.llama import modeling_llama
from transformers.models.t5.modeling_t5 import T5LayerFF, T5LayerSelfAttention

STEPS, CONTEXT, VOCAB, WIDTH, LAYERS, HEADS, NEURONS = 10, 12, 37, 16, 2, 4, 32
OPTIMIZER = {"beta1": 0.9, "beta2": 0.95, "eps": 1e-8, "weight_decay": 0.1, "clip": 2.5, "lr": 0.01}
MASK = 4
LLAMA_HEADS, LLAMA_GROUPS, ROTARY_BASE = 4, 2, 50.0
BUCKETS, DISTANCE, PREFIX_DIVISOR = 8, 8, 3

MADE_BY = {"script": "tests/oracle/make_models.py", "sha256": hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest(),
           "torch": torch.__version__, "transformers": transformers.__version__, "numpy": np.__version__}


def randomise(model, draw):
    """No tensor keeps a value that could hide a fault, such as a gain of 1, a bias of 0 or a row of padding that is 0."""
    with torch.no_grad():
        for name, p in model.named_parameters():
            gain = p.dim() == 1 and name.endswith("weight")
            values = draw.normal(1.0 if gain else 0.0, 0.3, size=p.shape).astype(np.float32)
            p.copy_(torch.from_numpy(values.astype(np.float64)))


def batches(draw, masked):
    # BERT's id 0 is padding: transformers gives its row no gradient where it is read. Texts do not hold it.
    ids = draw.integers(1 if masked else 0, VOCAB, size=(STEPS, 2, CONTEXT))
    lengths = np.stack([np.full(STEPS, CONTEXT), draw.integers(5, CONTEXT, size=STEPS)], axis=1)
    labels = np.full_like(ids, -100)
    for step in range(STEPS):
        for row in range(2):
            n = lengths[step, row]
            if masked:
                places = np.sort(draw.choice(n, size=3, replace=False))
                labels[step, row, places] = ids[step, row, places]
                ids[step, row, places[:2]] = MASK
            else:
                labels[step, row, : n - 1] = ids[step, row, 1:n]  # the last token of a sequence predicts nothing
            ids[step, row, n:] = 0
    return ids, lengths, labels


def losses_of(model, ids, lengths, labels):
    """Logits, and the mean over the targets of both sequences together."""
    seen = torch.arange(CONTEXT)[None, :] < torch.from_numpy(lengths)[:, None]
    logits = model(input_ids=torch.from_numpy(ids), attention_mask=seen.long()).logits
    return logits, torch.nn.functional.cross_entropy(logits.reshape(-1, VOCAB), torch.from_numpy(labels).reshape(-1), ignore_index=-100)


def trace(values):
    flat = values.reshape(-1)
    return [flat.sum(), ((np.arange(flat.size) % 7 - 3) * flat).sum()]


def in_double(llama):
    """transformers computes norms and angles of a Llama in float32, whatever the type of the model. Here they are in double, by
    PyTorch's own norm; the logits must be those of transformers' code but for that."""
    class Angles(torch.nn.Module):
        def forward(self, x, position_ids):
            width = WIDTH // LLAMA_HEADS
            speeds = ROTARY_BASE ** (-torch.arange(0, width, 2, dtype=torch.double) / width)
            angles = position_ids[..., None].double() * torch.cat([speeds, speeds])
            return angles.cos(), angles.sin()

    ids = torch.arange(3 * CONTEXT).reshape(3, CONTEXT) % VOCAB
    before = llama(input_ids=ids).logits
    for module in list(llama.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, modeling_llama.LlamaRMSNorm):
                norm = torch.nn.RMSNorm(WIDTH, eps=child.variance_epsilon)
                norm.weight = child.weight
                setattr(module, name, norm)
    llama.model.rotary_emb = Angles()
    gap = (llama.double()(input_ids=ids).logits - before).abs().max().item()
    assert 1e-12 < gap < 1e-4 * before.abs().max().item(), gap
    return llama


class PrefixDecoder(torch.nn.Module):
    """Blocks of transformers' T5 with gated mlps and an output matrix of its own. The first third of a sequence sees itself."""
    NAMES = [(r"^layers\.(\d+)\.0\.SelfAttention\.([qkvo])\.", r"blocks.\1.attention.\2_proj."), (r"^layers\.(\d+)\.0\.layer_norm", r"blocks.\1.attention.norm"),
             (r"^layers\.(\d+)\.1\.layer_norm", r"blocks.\1.mlp.norm"), (r"^layers\.(\d+)\.1\.DenseReluDense\.wi_0", r"blocks.\1.mlp.gate_proj"),
             (r"^layers\.(\d+)\.1\.DenseReluDense\.wi_1", r"blocks.\1.mlp.up_proj"), (r"^layers\.(\d+)\.1\.DenseReluDense\.wo", r"blocks.\1.mlp.down_proj"),
             (r"^layers\.0\.0\.SelfAttention\.relative_attention_bias", "relative_positions")]

    def __init__(self):
        super().__init__()
        config = T5Config(vocab_size=VOCAB, d_model=WIDTH, d_kv=WIDTH // HEADS, d_ff=NEURONS, num_layers=LAYERS, num_heads=HEADS, dropout_rate=0.0,
                          relative_attention_num_buckets=BUCKETS, relative_attention_max_distance=DISTANCE, feed_forward_proj="gated-gelu",
                          is_decoder=True, attn_implementation="eager")
        self.embed_tokens = torch.nn.Embedding(VOCAB, WIDTH)
        self.layers = torch.nn.ModuleList(
            torch.nn.ModuleList([T5LayerSelfAttention(config, has_relative_attention_bias=k == 0), T5LayerFF(config)]) for k in range(LAYERS))
        self.final_norm = torch.nn.RMSNorm(WIDTH, eps=1e-6)
        self.output = torch.nn.Linear(WIDTH, VOCAB, bias=False)
        for layer in self.layers:  # T5's own norm computes in float32
            for part in layer:
                part.layer_norm = torch.nn.RMSNorm(WIDTH, eps=1e-6)

    @classmethod
    def view(cls, name, array):
        """Name and array as in files without a family: what leads back to the residual stream and the buckets are stored transposed."""
        for pattern, ours in cls.NAMES:
            name = re.sub(pattern, ours, name)
        return name, array.T if re.search("o_proj|down_proj|relative", name) else array

    def forward(self, input_ids, attention_mask):
        places = torch.arange(CONTEXT)
        prefix = (attention_mask.sum(1) // PREFIX_DIVISOR)[:, None, None]
        seen = (places[None, :] <= places[:, None]) | ((places[None, :, None] < prefix) & (places[None, None, :] < prefix))
        seen = seen & (attention_mask[:, None, :] > 0)
        mask = torch.zeros(seen.shape, dtype=torch.double).masked_fill(~seen, -1e300)[:, None]
        x = self.embed_tokens(input_ids)
        bias = self.layers[0][0].SelfAttention.compute_bias(CONTEXT, CONTEXT)
        for attention, mlp in self.layers:
            x = mlp(attention(x, attention_mask=mask, position_bias=bias)[0])
        return transformers.modeling_outputs.CausalLMOutput(logits=self.output(self.final_norm(x)))


def make(model, masked, seed, path, prepare=lambda model: model, view=lambda name, array: (name, array), **more):
    draw = np.random.default_rng(seed)
    model = model.double().eval()  # no dropout
    randomise(model, draw)
    model = prepare(model)
    ids, lengths, labels = batches(draw, masked)
    parameters = dict(model.named_parameters())
    views = lambda prefix, of: {prefix + ours: array.copy() for ours, array in (view(name, of(p).detach().numpy()) for name, p in parameters.items())}
    copies = lambda prefix: views(prefix, lambda p: p)
    out = {name: array.astype(np.float32) for name, array in copies("start/").items()}

    o = {**OPTIMIZER, **more}
    decays = lambda name, p: p.dim() > 1 and "relative" not in name  # embeddings do; gains, biases and relative positions do not
    matrices = [p for name, p in parameters.items() if decays(name, p)]
    vectors = [p for name, p in parameters.items() if not decays(name, p)]
    optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": o["weight_decay"]}, {"params": vectors, "weight_decay": 0.0}],
                                  lr=o["lr"], betas=(o["beta1"], o["beta2"]), eps=o["eps"], foreach=False)
    schedule = transformers.get_linear_schedule_with_warmup(optimizer, 3, STEPS + 2)
    optimizer.step()  # does nothing, as there are no gradients; the first rate would be 0
    schedule.step()
    losses, norms, rates, traces = [], [], [], {view(name, p.detach().numpy())[0]: [] for name, p in parameters.items()}
    for step in range(STEPS):
        optimizer.zero_grad()
        logits, loss = losses_of(model, ids[step], lengths[step], labels[step])
        loss.backward()
        if step == 0:
            out["logits"] = np.concatenate([logits[row, : lengths[0, row]].detach().numpy() for row in range(2)])
            out.update(views("gradients/", lambda p: p.grad))
        norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(p.grad) for p in parameters.values()]))
        if norm > o["clip"]:  # clip_grad_norm_ divides by norm + 1e-6
            for p in parameters.values():
                p.grad.mul_(o["clip"] / norm)
        losses.append(loss.item())
        norms.append(norm.item())
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
        for name, p in parameters.items():
            ours, array = view(name, p.detach().numpy())
            traces[ours].append(trace(array))
        if step + 1 in (1, STEPS):
            out.update(copies(f"step_{step + 1}/"))
    assert min(norms) < o["clip"] < max(norms), norms  # some steps are clipped, some are not
    out.update({"traces/" + name: np.array(t) for name, t in traces.items()})
    out.update(ids=ids.astype(np.int32), lengths=lengths.astype(np.int32), labels=labels.astype(np.int32), losses=np.array(losses),
               norms=np.array(norms), rates=np.array(rates))
    config = {"layers": LAYERS, "width": WIDTH, "heads": HEADS, "neurons": NEURONS, "vocab": VOCAB, "context": CONTEXT, "steps": STEPS, **o}
    save_file({name: np.ascontiguousarray(a) for name, a in out.items()}, path,
              metadata={"made_by": json.dumps(MADE_BY), "config": json.dumps(config)})
    path.chmod(0o644)
    print(path, path.stat().st_size, "bytes,", len(parameters), "tensors, losses", losses, "norms", norms)


def learning_rates():
    """The share of the peak in every step, for some runs."""
    def shares(make_schedule):
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        schedule = make_schedule(optimizer)
        values = []
        for _ in range(total + 1):
            values.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.step()
        return values

    constant, linear, cosine, least, wsd = (getattr(transformers, f"get_{name}") for name in (
        "constant_schedule_with_warmup", "linear_schedule_with_warmup", "cosine_schedule_with_warmup",
        "cosine_with_min_lr_schedule_with_warmup", "wsd_schedule"))
    rows = []
    for total, warmup in ((100, 10), (100, 0), (37, 5), (20, 19), (1, 0)):
        decay = max(1, total // 5)
        rows.append({"steps": total, "warmup": warmup,
                     "constant": shares(lambda o: constant(o, warmup)),
                     "linear": shares(lambda o: linear(o, warmup, total)),
                     "cosine": shares(lambda o: cosine(o, warmup, total)),
                     "cosine, least 0.1": shares(lambda o: least(o, warmup, total, min_lr_rate=0.1))})
        if total - warmup - decay > 0:
            rows[-1]["wsd"] = shares(lambda o: wsd(o, num_warmup_steps=warmup, num_stable_steps=total - warmup - decay,
                                                   num_decay_steps=decay, decay_type="linear"))
    return rows


class TokenStub:
    """What the collator asks of a tokenizer."""
    pad_token, mask_token, pad_token_id, mask_token_id, padding_side = "[PAD]", "[MASK]", 0, MASK, "right"
    all_special_ids = [0, 1, 2, 3, 4]

    def __len__(self):
        return 1000

    def convert_tokens_to_ids(self, _):
        return MASK

    def get_special_tokens_mask(self, ids, already_has_special_tokens=True):
        return [int(i in self.all_special_ids) for i in ids]

    def pad(self, examples, **_):
        return {"input_ids": torch.stack([torch.as_tensor(e["input_ids"]) for e in examples])}


def masks():
    """bert: how many of n tokens are chosen, as create_pretraining_data.py of BERT counts, for n = 1, 2, ...
    independent: what the collator of transformers did to tokens that are not special."""
    bert = [max(1, int(round(n * 0.15))) for n in range(1, 2049)]
    torch.manual_seed(5)
    ids = torch.randint(5, 1000, (400, 128))
    collator = transformers.DataCollatorForLanguageModeling(tokenizer=TokenStub(), mlm=True, mlm_probability=0.15)
    shown, labels = collator.torch_mask_tokens(ids.clone(), special_tokens_mask=torch.zeros_like(ids))
    chosen = labels != -100
    per_row = chosen.sum(1).double()
    return {"rate": 0.15, "bert": bert,
            "independent": {"windows": 400, "window": 128, "vocab": 1000, "chosen": chosen.sum().item(),
                            "hidden": (chosen & (shown == MASK)).sum().item(), "kept": (chosen & (shown == ids)).sum().item(),
                            "random": (chosen & (shown != MASK) & (shown != ids)).sum().item(),
                            "variance": per_row.var().item()}}


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    gpt2 = GPT2LMHeadModel(GPT2Config(vocab_size=VOCAB, n_positions=CONTEXT, n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS, n_inner=NEURONS,
                                      attn_implementation="eager"))
    make(gpt2, False, 1, folder / "gpt2.safetensors")
    bert = BertForMaskedLM(BertConfig(vocab_size=VOCAB, hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
                                      intermediate_size=NEURONS, max_position_embeddings=CONTEXT, type_vocab_size=2, attn_implementation="eager"))
    make(bert, True, 2, folder / "bert.safetensors")
    llama = LlamaForCausalLM(LlamaConfig(vocab_size=VOCAB, hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=LLAMA_HEADS,
                                         num_key_value_heads=LLAMA_GROUPS, intermediate_size=NEURONS, max_position_embeddings=CONTEXT, rms_norm_eps=1e-5,
                                         rope_parameters={"rope_type": "default", "rope_theta": ROTARY_BASE}, attn_implementation="sdpa"))
    make(llama, False, 3, folder / "llama.safetensors", in_double, heads=LLAMA_HEADS, kv_heads=LLAMA_GROUPS, rotary_base=ROTARY_BASE, clip=4.5)
    make(PrefixDecoder(), False, 4, folder / "t5.safetensors", view=PrefixDecoder.view, attention_scale=1.0, norm_eps=1e-6,
         prefix_divisor=PREFIX_DIVISOR, clip=6.0)
    (folder / "rules.json").write_text(json.dumps({"made_by": MADE_BY, "rates": learning_rates(), "masks": masks()}, separators=(",", ":")) + "\n")


main()
