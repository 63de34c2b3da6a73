// SPDX-License-Identifier: Apache-2.0
// README.md of a checkpoint, a model card: what was trained on what, at which cost, how far, and how to load it. It follows from the run
// alone and has no times, so that equal checkpoints have equal cards.
#pragma once

#include <algorithm>
#include <string>

#include <raptr/base/number_text.hpp>
#include <raptr/run/any_trainer.hpp>
#include <raptr/run/metrics.hpp>
#include <raptr/schedule/growth.hpp>

namespace raptr {

class model_card {
 public:
  /// config: that of the run, with "version" and "hashes". has_tokenizer: whether checkpoints contain one.
  model_card(const any_trainer& trainer, const json& config, bool has_tokenizer)
      : trainer_(trainer), settings_(trainer.settings()), config_(config), has_tokenizer_(has_tokenizer) {}

  /// sums: over the steps until now.
  std::string text(std::int64_t step, const run_sums& sums) const {
    const std::string architecture = trainer_.architecture(), names = settings_["names"], objective = settings_["objective"],
                      steps = count_text(step) + " of " + count_text(trainer_.options().steps);
    std::string card = "---\n";
    if (!architecture.empty())
      card += "library_name: transformers\npipeline_tag: " + std::string(objective == "masked_lm" ? "fill-mask" : "text-generation") + "\n";
    card += "tags:\n- raptr\n- progressive-training\n---\n\n# " + names + " after " + steps + " steps\n\nPretrained by raptr " +
            of_config("version") + " with progressive subnetworks.\n\n| | |\n|---|---|\n";
    const auto row = [&](const char* name, const std::string& value) { card += "| " + std::string(name) + " | " + value + " |\n"; };
    row("schedule", "`" + settings_["schedule"].get<std::string>() + "`");
    row("model", objective + ", " + blocks_text(step) + " layers, width " + number("width") + ", " + number("heads") + " heads, " +
                     number("neurons") + " neurons, context " + number("context") + ", " + number("vocab") + " ids, " + number("parameters") +
                     " parameters");
    if (settings_.contains("objective_settings")) row("objective", "`" + settings_["objective_settings"].get<std::string>() + "`");
    row("training", steps + " steps, batch " + count_text(trainer_.options().batch * trainer_.options().accumulate) + ", " + count_text(sums.tokens) +
                        " tokens, seed " + std::to_string(trainer_.options().seed));
    row("cost", scaled_text(sums.block_flops) + " block FLOPs, " + scaled_text(sums.total_flops) + " in all; the whole run has " +
                    fixed_text(settings_["block_flops_ratio"], 3) + " of the block FLOPs of full training");
    row("loss",
        (sums.loss ? fixed_text(*sums.loss, 4) : "-") + (sums.validation_loss ? ", validation loss " + fixed_text(*sums.validation_loss, 4) : ""));
    row("hash of the training tokens", hash_of({"training", "text", "shards"}));
    row("hash of the validation tokens", hash_of({"validation-text", "validation-shards"}));
    row("tokenizer", (has_tokenizer_ ? "in this folder: " : "not in this folder: ") + hash_of({"tokenizer", "vocabulary"}));
    return card + "\n" + loading_text(architecture, objective);
  }

 private:
  std::string number(const char* name) const { return count_text(settings_[name].get<std::int64_t>()); }
  std::string of_config(const char* name) const { return config_.value(name, std::string("-")); }
  /// The first of several names that the run has; a run on shards is the run on their text, so the name is not part of the card.
  std::string hash_of(std::initializer_list<const char*> names) const {
    for (const char* const name : names)
      if (config_.contains("hashes") && config_["hashes"].contains(name)) return "`" + config_["hashes"].value(name, std::string()) + "`";
    return "-";
  }
  std::string blocks_text(std::int64_t step) const {
    const int layers = settings_["layers"];
    const auto before = position_at(trainer_.schedule(), (std::max)(std::int64_t{0}, step - 1), trainer_.options().steps, trainer_.layout().shape);
    const int existing = network_of(trainer_.schedule(), before).size();
    return (existing < layers ? count_text(existing) + " of " : "") + count_text(layers);
  }
  std::string loading_text(const std::string& architecture, const std::string& objective) const {
    std::string text = "## Loading\n\n";
    if (architecture.empty()) return text + "No published format holds this model, so raptr alone opens it.\n";
    text += "```python\nfrom transformers import " + std::string(has_tokenizer_ ? "AutoTokenizer, " : "") + architecture +
            "\n\nmodel = " + architecture + ".from_pretrained(\"FOLDER\")\n" +
            (has_tokenizer_ ? "tokenizer = AutoTokenizer.from_pretrained(\"FOLDER\")\n" : "") + "```\n\n";
    if (!has_tokenizer_)
      text +=
          "The model was trained on token ids, and this folder has no tokenizer: add the files of the one that made them. Without them "
          "some readers use an empty tokenizer and say nothing.\n\n";
    text += "`raptr-pretrain --from FOLDER --text FILE` starts another run from these weights";
    return text + (objective == "causal_lm" ? ", `raptr-generate --checkpoint FOLDER --prompt TEXT` continues a text.\n" : ".\n");
  }

  const any_trainer& trainer_;
  json settings_;
  json config_;
  bool has_tokenizer_;
};

}  // namespace raptr
