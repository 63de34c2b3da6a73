# SPDX-License-Identifier: Apache-2.0
"""Folders of this library in the programs that people bring checkpoints to, each folder as it is.

    readers.py FOLDER

FOLDER is what tests/programs/readers_test.sh has made. A package that is not installed is named and left out; transformers is needed.
Exit code 1 if a check fails.
"""
import json
import math
import os
import pathlib
import re
import struct
import subprocess
import sys

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", TOKENIZERS_PARALLELISM="false", CUDA_VISIBLE_DEVICES="")
import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer, pipeline

transformers.logging.set_verbosity_error()
torch.set_num_threads(1)
work = pathlib.Path(sys.argv[1])
docs = pathlib.Path(__file__).resolve().parents[2] / "docs" / "checkpoints.md"
failures = 0


def say(ok, text):
    global failures
    failures += not ok
    print(("ok   " if ok else "FAIL ") + text, flush=True)


def newest(run):
    return str(sorted((work / run / "checkpoints").iterdir())[-1])


def log(run):
    return [json.loads(line) for line in open(work / run / "metrics.jsonl")]


def generated(folder, prompt, tokens):
    """What raptr-generate adds to a prompt, always the most probable token."""
    words = [work / "raptr-generate", "--checkpoint", folder, "--prompt", prompt, "--tokens", str(tokens), "--temperature", "0", "--threads", "1"]
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout.decode()[:-1]


def ids_of_shards(folder):
    """The ids that raptr-tokenize has written, 16 bits each behind the header; without the end of the text."""
    data = (folder / "train_000000.bin").read_bytes()[1024:]
    return list(struct.unpack(f"<{len(data) // 2}H", data))


def tokenizers():
    text = (work / "hard.txt").read_bytes().decode()
    for folder in sorted(work.glob("ids/*")):
        ours = ids_of_shards(folder / "shards")
        theirs = AutoTokenizer.from_pretrained(str(folder / "tokenizer"))
        found = theirs(text, add_special_tokens=False).input_ids
        end = ours[len(found):]
        say(ours[:len(found)] == found and len(end) <= 1, f"{folder.name}: {len(found)} ids of AutoTokenizer ({type(theirs).__name__}) equal ours")
    gpt = AutoTokenizer.from_pretrained(newest("gpt"))
    say(gpt.decode(gpt(text).input_ids) == text, "bytes: the text comes back")
    say((gpt.model_max_length, gpt.eos_token_id, gpt.pad_token_id, gpt.mask_token_id) == (32, 256, 258, 257), "bytes: length and marks of the model")
    bert = AutoTokenizer.from_pretrained(newest("bert"))
    framed = bert("line 7 holds 3")
    say(framed.input_ids[0] == bert.cls_token_id and framed.input_ids[-1] == bert.sep_token_id and "token_type_ids" in framed,
        "WordPiece: [CLS] and [SEP] around a text, with token types")


def pipelines():
    for run in ("gpt", "bpe", "endless"):
        folder = newest(run)
        transformers.set_seed(1)  # the default draws
        text = pipeline("text-generation", model=folder)("line 7 ho")[0]["generated_text"]
        say(text.startswith("line 7 ho") and len(text) > 12, f"text-generation, {run}: {text!r}")
        if run == "gpt":
            say(text.startswith("line 7 holds "), f"text-generation, {run}: it continues as it has learnt")
        model, tokens = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
        theirs = tokens.decode(model.generate(**tokens("line 7 ho", return_tensors="pt"), max_new_tokens=8, do_sample=False)[0])
        say(generated(folder, "line 7 ho", 8) == theirs, f"greedy, {run}: raptr-generate writes the same, {theirs!r}")
    found = pipeline("fill-mask", model=newest("bert"))("line 7 [MASK] 3 and 5")[0]["token_str"]
    say(found == "holds", f"fill-mask, bert: {found!r}")


def byte_perplexity():
    import lm_eval
    from lm_eval.tasks import TaskManager

    task = work / "task"
    task.mkdir(exist_ok=True)
    (task / "own.yaml").write_text(f"""task: own
dataset_path: text
dataset_kwargs: {{data_files: {{test: {work / "val.txt"}}}, sample_by: document}}
output_type: loglikelihood_rolling
test_split: test
doc_to_text: ""
doc_to_target: "{{{{text}}}}"
metric_list: [{{metric: byte_perplexity}}]
""")
    ours = math.exp(log("gpt")[-1]["validation_loss"])
    results = lm_eval.simple_evaluate(model="hf", model_args={"pretrained": newest("gpt"), "dtype": "float32"}, tasks=["own"], device="cpu",
                                      task_manager=TaskManager(include_path=str(task)), bootstrap_iters=0)
    theirs = results["results"]["own"]["byte_perplexity,none"]
    say(abs(theirs / ours - 1) < 1e-5, f"lm-eval {lm_eval.__version__}: byte perplexity {theirs:.6f}, ours {ours:.6f}")


def sentences():
    import sentence_transformers

    model = sentence_transformers.SentenceTransformer(newest("bert"), device="cpu")
    a, b, again = model.encode(["line 7 holds 3 and 5", "and and 9 9 9 line", "line 7 holds 3 and 5"], convert_to_tensor=True)
    cosine = torch.nn.functional.cosine_similarity
    say(cosine(a, again, 0) > .99999 and cosine(a, b, 0) < .99,
        f"sentence-transformers {sentence_transformers.__version__}: cosine {cosine(a, b, 0):.3f} of different sentences")


def converted():
    import ctranslate2
    import numpy
    from ctranslate2.converters import TransformersConverter

    for run in ("gpt", "bpe", "bert"):
        TransformersConverter(newest(run)).convert(str(work / "ct2" / run), force=True)
    for run in ("gpt", "bpe"):
        folder = newest(run)
        tokens = AutoTokenizer.from_pretrained(folder)
        start = tokens.convert_ids_to_tokens(tokens("line 7 ho").input_ids)
        result = ctranslate2.Generator(str(work / "ct2" / run), intra_threads=1).generate_batch([start], max_length=len(start) + 8, sampling_topk=1)[0]
        theirs = tokens.decode(result.sequences_ids[0])
        say(theirs.startswith(generated(folder, "line 7 ho", 8)), f"ctranslate2 {ctranslate2.__version__}, {run}: writes what raptr-generate does, {theirs!r}")
    tokens = AutoTokenizer.from_pretrained(newest("bert"))
    text = tokens("line 7 holds 3")
    theirs = ctranslate2.Encoder(str(work / "ct2" / "bert"), intra_threads=1).forward_batch([text.input_ids]).last_hidden_state
    with torch.no_grad():
        ours = transformers.AutoModel.from_pretrained(newest("bert"))(**tokens("line 7 holds 3", return_tensors="pt")).last_hidden_state
    gap = abs(numpy.array(theirs) - ours.numpy()).max()
    say(gap < 1e-3, f"ctranslate2, bert: hidden states differ by {gap:.1e}")


def logs():
    steps = log("gpt")
    try:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        events = EventAccumulator(str(work / "gpt"), size_guidance={"scalars": 0}).Reload()
        for name in ("loss", "learning_rate"):
            tag = next(tag for tag in events.Tags()["scalars"] if tag.endswith(name) and "validation" not in tag)
            points = events.Scalars(tag)
            equal = len(points) == len(steps) and all(p.step == s["step"] and abs(p.value - s[name]) <= 1e-6 * abs(s[name]) for p, s in zip(points, steps))
            say(equal, f"tensorboard: {len(points)} points of {tag!r} are those of metrics.jsonl")
    except ImportError:
        print("left out: no package tensorboard")
    try:
        import pandas

        frame = pandas.read_json(work / "gpt" / "metrics.jsonl", lines=True)
        close = all(abs(x - s["loss"]) < 1e-12 for x, s in zip(frame["loss"], steps))  # its parser may miss the last bit
        say(len(frame) == len(steps) and close, f"pandas {pandas.__version__}: a table of {frame.shape}")
    except ImportError:
        print("left out: no package pandas")


def adamw():
    """The recipe of docs/checkpoints.md continues two runs from their checkpoints for ten steps, beside the runs themselves."""
    code = re.search(r"```python\n(import re\nimport torch.*?)```", docs.read_text(), re.S).group(1)
    recipe = {}
    exec(code, recipe)
    windows = list((work / "windows.txt").read_bytes())
    for run in ("resumed", "staged"):
        folder = str(work / run / "checkpoints" / "step-000010")
        # Every step takes all windows: 4 of 32 bytes, each with the byte after it as the last target.
        ids = torch.tensor([windows[32 * k:32 * k + 33] for k in range(4)])
        steps = log(run)[10:20]
        model, optimizer = recipe["continued"](folder)
        losses = [recipe["step"](model, optimizer, ids[:, :-1], ids[:, 1:], now["learning_rate"]) for now in steps]
        gap = max(abs(loss / now["loss"] - 1) for loss, now in zip(losses, steps))
        say(len(losses) == 10 and gap < 1e-5, f"torch.optim.AdamW {torch.__version__}, {run}: ten losses to {losses[-1]:.5f} differ by {gap:.1e} of themselves")


checks = [("transformers", tokenizers), ("transformers", pipelines), ("torch", adamw), ("lm_eval", byte_perplexity),
          ("sentence_transformers", sentences), ("ctranslate2", converted), ("", logs)]
print(f"transformers {transformers.__version__}, torch {torch.__version__}")
for package, check in checks:
    try:
        if package:
            __import__(package)
    except ImportError:
        print(f"left out: no package {package}")
        continue
    check()
sys.exit(failures > 0)
