// SPDX-License-Identifier: Apache-2.0
#include "settings.hpp"

#include <algorithm>

#include <raptr/subnet/rules/policy_list.hpp>

#include "../support/network_kinds.hpp"

namespace program {

namespace {
constexpr double most_steps = 1'099'511'627'776;  // raptr::longest_run
}  // namespace

const network_kind& kind_of(const settings& s) {
  for (const network_kind* kind : network_kinds())
    if (kind->device == s.device && (s.model.empty() || kind->name == s.model) && (s.objective.empty() || kind->objective == s.objective_name()))
      return *kind;
  raptr::fail("no network" + (s.model.empty() ? "" : " of --model " + s.model) + (s.objective.empty() ? "" : " for --objective " + s.objective) +
              " is compiled for --device " + s.device + ": leave one of them out");
}

option_list options_of(settings& s) {
  option_list o;
  const auto models = distinct_names(network_kinds(), &network_kind::name), objectives = distinct_names(network_kinds(), &network_kind::objective),
             devices = distinct_names(network_kinds(), &network_kind::device);
  o.add("data", "text", "FILE|DIR ...", &s.text, "training text; of a folder, the files *.txt");
  o.add("data", "shards", "FILE|DIR ...", &s.shards, "or token shards; of a folder, the files *.bin without the word val in their names");
  o.add("data", "documents", "HOW", &s.documents, "how files are split into documents").one_of({"file", "blank-line"});
  o.add("data", "tokenizer", "FILE|DIR", &s.tokenizer,
        "tokenizer.json, vocab.json or vocab.txt, or a folder with them; bytes: a token is a byte; none: shards of an unknown tokenizer");
  o.add("data", "sentinels", "N", &s.sentinels, "of ul2: marks appended to a tokenizer").range(0, 1 << 16);
  o.add("data", "validation-text", "FILE|DIR ...", &s.validation_text, "text for the validation loss [the last twentieth of the text]");
  o.add("data", "validation-shards", "FILE|DIR ...", &s.validation_shards, "or shards for it [those with the word val]");
  o.add("data", "shard-format", "NAME", &s.shard_format, "of all shards; nanogpt: 16-bit ids, no header").one_of({"llm.c", "nanogpt"});
  o.add("data", "validation-windows", "N", &s.validation_windows, "of one context each, from the start of the validation text; 0: all").range(0, 1e9);
  o.add("data", "masking", "NAME", &s.masking, "of masked_lm, 15% of the tokens").one_of({"bert", "whole-words", "independent"});
  o.add("data", "max-predictions", "N", &s.max_predictions, "of masked_lm, in a sequence; 0: no bound").range(0, 1 << 20);
  o.add("data", "frame", "NAME", &s.frame, "of a window of masked_lm, [CLS] A [SEP]").one_of({"automatic", "cls-sep", "none"});

  o.add("model", "model", "NAME", &s.model, "architecture").one_of(models).default_is("for the objective");
  o.add("model", "objective", "NAME", &s.objective, "the loss; ul2:MIXTURE for other denoisers than 0.6/0.2/0.2")
      .one_of(objectives)
      .with_text()
      .default_is("that of the model");
  o.add("model", "from", "DIR", &s.from, "start from the weights and shape of a Hugging Face folder of such a model");
  o.add("model", "layers", "N", &s.layers, "transformer blocks").range(1, 4096);
  o.add("model", "width", "N", &s.width, "of the residual stream").range(1, 65536);
  o.add("model", "heads", "N", &s.heads, "of attention; must divide the width").range(1, 65536);
  o.add("model", "kv-heads", "N", &s.kv_heads, "heads of keys and values (GQA); 0: as many as heads").range(0, 65536);
  o.add("model", "neurons", "N", &s.neurons, "of the mlp; 0: four times the width, of a llama 8/3 of it, rounded up to 256").range(0, 1 << 20);
  o.add("model", "neuron-group", "N", &s.neuron_group, "neurons that are kept or dropped together")
      .range(1, 1 << 20)
      .default_is("16, or the largest divisor of the neurons below it");
  o.add("model", "context", "TOKENS", &s.context, "length of a sequence").range(1, 1 << 20);
  o.add("model", "vocab", "ROWS", &s.vocab, "of the embedding, at least the number of tokenizer ids; bytes need 259").range(1, 1 << 24);
  o.add("model", "token-types", "N", &s.token_types, "rows of their embedding; 0: those of the model").range(0, 1 << 20);
  o.add("numbers", "norm-eps", "X", &s.norm_eps, "epsilon of the norms; 0: that of the model").range(0, 1);
  o.add("numbers", "attention-scale", "X", &s.attention_scale, "factor on query times key; 0: 1/sqrt(width of a head)").range(0, 1e6);
  o.add("numbers", "residual-multiplier", "X", &s.residual_multiplier, "factor on what each part adds").range(0, 1e6);
  o.add("numbers", "embedding-dropout", "RATE", &s.dropout.embedding, "share of the numbers that enter the first block; below 1").range(0, 1);
  o.add("numbers", "residual-dropout", "RATE", &s.dropout.residual, "share of what each part adds; below 1").range(0, 1);
  o.add("numbers", "attention-dropout", "RATE", &s.dropout.attention, "share of the probabilities of attention; below 1").range(0, 1);
  o.add("numbers", "scale-by-depth", "", &s.scale_by_depth, "in block b, counted from 1, also times 1/b");

  o.add("numbers", "rotary-base", "X", &s.rotary_base, "of rotary positions; 0: that of the model").range(0, 1e12);
  o.add("numbers", "rotary-factor", "X", &s.rotary_stretch.factor, "stretches them for a longer context; 1: off").range(1, 1e6);
  o.add("numbers", "rotary-context", "TOKENS", &s.rotary_context, "before it was stretched, as \"llama3\" counts; 0: all alike (\"linear\")")
      .range(0, 1 << 24);
  o.add("numbers", "rotary-slow", "X", &s.rotary_stretch.slow, "turns within that context up to which a pair is stretched in full").range(0, 1e6);
  o.add("numbers", "rotary-fast", "X", &s.rotary_stretch.fast, "and from which on it is not").range(0, 1e6);

  o.add("schedule", "schedule", "TEXT", &s.schedule,
        "what trains: full, 6-8-10-12, heads 1/2-full, 6-12 with neurons 1/2-full, est, full for 1/10 then 6-12");
  o.add("schedule", "solve-for", "SHARE", &s.solve_for, "solves for the ? of --schedule: the run costs this share of full training; 0: off")
      .range(0, 1);
  o.add("schedule", "solve-cost", "NAME", &s.solve_cost, "the cost that --solve-for counts; time is measured before the run")
      .one_of({"block-flops", "total-flops", "time"});
  o.add("schedule", "allow-shrinking", "", &s.allow_shrinking, "a stage may train less than the one before it, or lose trained blocks");
  o.add("schedule", "selector", "NAME", &s.selector, "how the blocks of a step are drawn").one_of(raptr::selectors_with_fixed_units());
  o.add("schedule", "keep-first", "N", &s.keep_first, "first blocks that are always kept").range(0, 4096);
  o.add("schedule", "keep-last", "N", &s.keep_last, "last blocks that are always kept").range(0, 4096);
  o.add("schedule", "scale", "NAME", &s.scale, "factor on the output of kept blocks").one_of(raptr::scales_without_exponent());
  o.add("schedule", "dropped-update", "NAME", &s.dropped_update, "what the optimizer does with a dropped block")
      .one_of({"frozen", "zero_gradient", "decay_only"});
  o.add("schedule", "at-borders", "NAME", &s.at_borders, "moments and step counts when a stage begins").one_of({"kept", "reset"});
  o.add("schedule", "grown", "NAME", &s.grown, "moments and step counts of blocks that the schedule copies").one_of({"copied", "reset"});

  o.add("training", "steps", "N", &s.steps, "of the whole run").range(1, most_steps);
  o.add("training", "batch", "N", &s.batch, "sequences per micro-batch").range(1, 1 << 20);
  o.add("training", "accumulate", "N", &s.accumulate, "micro-batches per step").range(1, 1 << 20);
  o.add("training", "learning-rate", "RATE", &s.learning_rate, "peak").range(0, 1e30);
  o.add("training", "rate-rule", "NAME", &s.rate_rule, "learning-rate schedule after the warm-up")
      .one_of({"constant", "linear", "bert", "cosine", "wsd", "last-stage"});
  o.add("training", "warmup", "STEPS", &s.warmup, "up to the peak").range(0, most_steps).default_is("steps / 20");
  o.add("training", "rewarm", "STEPS", &s.rewarm, "warm-up at the start of every stage").range(0, most_steps);
  o.add("training", "completep-rate", "X", &s.completep_rate, "rate of the blocks times (L/k)^(1 - X) where k of L are active; 1: off").range(0, 8);
  o.add("training", "optimizer", "NAME", &s.optimizer, "adamw, or BERT's Adam: no bias correction, beta2 0.999, epsilon 1e-6")
      .one_of({"adamw", "bert-adam"});
  o.add("training", "weight-decay", "X", &s.weight_decay, "of matrices").range(0, 1e30).default_is("0.1; bert-adam: 0.01");
  o.add("training", "clip", "NORM", &s.clip, "maximum gradient norm; 0: no clipping").range(0, 1e30);
  o.add("training", "seed", "N", &s.seed, "of weights, order, masks and subnetworks").range(0, 9'007'199'254'740'992);
  o.add("training", "max-nonfinite", "N", &s.max_nonfinite, "consecutive non-finite steps that may be skipped").range(1, 1e9);

  o.add("run", "out", "RUN", &s.out, "folder of the run, must not exist yet [runs/1, runs/2, ...]");
  add_device_option(o, "run", &s.device, devices, "of those compiled in; a resume may change it");
  o.add("run", "threads", "N", &s.threads, "0: one per processor; does not change results").range(0, 1023);
  o.add("run", "validate-every", "STEPS", &s.validate_every, "0: never").range(0, most_steps).default_is("steps / 20");
  o.add("run", "checkpoint-every", "STEPS", &s.checkpoint_every, "0: only the last").range(0, most_steps).default_is("steps / 10");
  o.add("run", "keep-checkpoints", "N", &s.keep_checkpoints, "number of newest checkpoints to keep").range(1, 1e9);
  o.add("run", "keep-every", "STEPS", &s.keep_every, "also save and keep those at multiples of STEPS; 0: none").range(0, most_steps);
  o.add("run", "full-disk", "POLICY", &s.full_disk, "when a checkpoint or the log cannot be written; the old checkpoint stays")
      .one_of({"stop", "continue"});
  o.add("run", "tensorboard", "", &s.tensorboard, "also write the log as a TensorBoard event file, in the folder of the run");

  o.add("ranks", "ranks", "N", &s.ranks, "threads that divide every batch, each with a model; mpirun starts ranks as processes").range(1, 1024);
  o.add("ranks", "rank-plans", "NAME", &s.rank_plans, "all train one part, or each its own, averaged in one of two ways")
      .one_of({"shared", "mean_over_trained", "mean_over_all"});
  o.add("ranks", "shard-optimizer", "", &s.shard_optimizer, "ranks divide the moments of the optimizer (ZeRO stage 1)");
  o.add("ranks", "trace", "FILE", &s.trace, "timeline of the first 20 steps of several ranks, for chrome://tracing or Perfetto");

  o.add("", "config", "FILE", &s.config, "JSON with options as keys; command-line options take precedence");
  o.add("", "resume", "RUN", &s.resume, "continue a run from its newest good checkpoint, bit for bit");
  o.add("", "plan", "", &s.plan, "print what the run would do, and exit");
  return o;
}

void settings::settle() {
  const network_kind& kind = kind_of(*this);
  model = kind.name;
  if (objective.empty()) objective = kind.objective;
  const auto share = [&](std::int64_t part) { return (std::max)(std::int64_t{1}, steps / part); };
  if (!weight_decay) weight_decay = optimizer == "bert-adam" ? 0.01 : 0.1;
  if (!warmup) warmup = steps / 20;
  if (!validate_every) validate_every = share(20);
  if (!checkpoint_every) checkpoint_every = share(10);
  if (from.empty() && resume.empty()) {
    if (neurons == 0 && kind.neurons) neurons = kind.neurons(int(width));
    settle_neuron_group();
  }
  const auto whole = [](std::filesystem::path& p) {
    if (!p.empty()) p = std::filesystem::absolute(p).lexically_normal();
  };
  std::ranges::for_each(text, whole);
  std::ranges::for_each(validation_text, whole);
  std::ranges::for_each(shards, whole);
  std::ranges::for_each(validation_shards, whole);
  whole(from);
  if (tokenizer != "bytes" && tokenizer != "none") tokenizer = std::filesystem::absolute(at_home(tokenizer)).lexically_normal().native();
}

void settings::settle_neuron_group() {
  const int count = int(neurons ? neurons : 4 * width);
  if (!neuron_group) neuron_group = raptr::default_neuron_group(count);
  if (count % *neuron_group == 0) return;
  const int below = raptr::divisor_below(count, int(*neuron_group)), above = raptr::divisor_above(count, int(*neuron_group));
  raptr::fail("--neuron-group " + std::to_string(*neuron_group) + " does not divide the " + std::to_string(count) + " neurons: give --neuron-group " +
              std::to_string(below) + (above > 0 ? " or " + std::to_string(above) : "") + ", or leave it out");
}

bool free_at_resume(std::string_view option) {
  static constexpr std::string_view names[] = {
      "threads",       "ranks",       "device", "shard-optimizer", "checkpoint-every", "keep-checkpoints", "keep-every", "full-disk",
      "max-nonfinite", "tensorboard", "trace"};
  return std::ranges::find(names, option) != std::end(names);
}
bool names_a_place(const option& o) {
  return std::holds_alternative<path_list*>(o.target) || std::holds_alternative<std::filesystem::path*>(o.target) || o.name == "tokenizer";
}
bool stored(const option& o) {
  static constexpr std::string_view of_a_machine[] = {"out", "device", "ranks", "shard-optimizer", "trace"};
  return !o.topic.empty() && std::ranges::find(of_a_machine, o.name) == std::end(of_a_machine);
}

}  // namespace program
