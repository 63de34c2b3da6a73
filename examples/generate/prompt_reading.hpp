// SPDX-License-Identifier: Apache-2.0
// How a model reads a prompt: as it was trained. One that has learnt prefixes sees the tokens of a prompt both ways, behind the marks that stood
// before its prefixes; a causal one reads forward; one that has only learnt to fill hidden spans continues nothing.
#pragma once

#include <algorithm>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <raptr/io/json.hpp>
#include <raptr/nn/batch.hpp>
#include <raptr/nn/objectives/causal_lm.hpp>
#include <raptr/nn/objectives/ul2_text.hpp>
#include <raptr/tokenizers/vocabulary.hpp>

namespace program {

namespace errors {
[[noreturn]] inline void model_does_not_continue(const std::filesystem::path& folder, const std::string& objective) {
  raptr::fail(raptr::shown(folder) + " holds a model of the objective " + raptr::shown(objective) +
              ", which fills gaps and cannot continue a text: give one that was trained with --objective causal_lm, or ul2 with causal or prefix");
}
[[noreturn]] inline void mode_of_no_mixture(const std::string& mode, const std::string& objective) {
  raptr::fail("--mode is " + mode + ", but the objective of the model is " + objective + ", which has no mode tokens: leave --mode out");
}
[[noreturn]] inline void no_such_mode_token(const std::string& mode) {
  raptr::fail("--mode is " + mode + ", but the tokenizer has no such mode token, so the model was trained without it: leave --mode out");
}
}  // namespace errors

struct prompt_reading {
  bool both_ways = false;
  std::vector<int> marks{};  // ids before the prompt

  /// Tokens of a text that fit into a context.
  std::size_t room(int context) const { return static_cast<std::size_t>(context) - marks.size(); }
  /// The last tokens of a text as a batch whose one target is in the last row. ids: the prompt, of `prompt` tokens, and what follows it.
  raptr::batch batch_of(std::span<const std::int32_t> ids, std::size_t prompt, int context) const {
    const auto seen = ids.last((std::min)(ids.size(), room(context)));
    const std::size_t forgotten = ids.size() - seen.size();
    raptr::batch data;
    data.ids.assign(marks.begin(), marks.end());
    data.ids.insert(data.ids.end(), seen.begin(), seen.end());
    data.add_segment(int(data.ids.size()), both_ways ? int(marks.size() + prompt - (std::min)(prompt, forgotten)) : 0);
    data.targets.push_back({int(data.ids.size()) - 1, 0, 1.0f});
    return data;
  }
};

/// The objective of a checkpoint. Throws input_error for one that does not continue a text.
class learnt_objective {
 public:
  /// own: the member "raptr" of its config.json; empty: of another library, so causal_lm.
  learnt_objective(const std::filesystem::path& folder, const raptr::json& own) {
    const auto file = folder / "config.json";
    if (own.is_object() && own.contains("objective")) name_ = raptr::json_member<std::string>(own, "objective", file);
    if (name_ == raptr::causal_lm::name) return;
    if (name_ == raptr::prefix_lm::name)
      mixture_.emplace().denoisers = {{raptr::prefix_lm{}}};
    else if (name_ != raptr::ul2::name)
      errors::model_does_not_continue(folder, name_);
    else if (own.contains("objective_settings"))  // checkpoints of earlier versions do not have them
      mixture_ = raptr::read_ul2(raptr::json_member<std::string>(own, "objective_settings", file));
    if (!mixture_) return;
    for (const raptr::denoiser& d : mixture_->denoisers) {
      if (const auto* prefix = std::get_if<raptr::prefix_lm>(&d.objective)) prefix_ = *prefix;
      causal_ = causal_ || std::holds_alternative<raptr::causal_lm>(d.objective);
    }
    if (!prefix_ && !causal_) errors::model_does_not_continue(folder, name_ + ":" + mixture_->settings());
  }

  /// mode: "automatic", which is that of the model's prefixes; "none", or one of the tokens.
  prompt_reading reading(const std::string& mode, const raptr::vocabulary& ids) const {
    prompt_reading how;
    if (name_ == raptr::causal_lm::name) {
      if (mode != "automatic") errors::mode_of_no_mixture(mode, name_);
      return how;
    }
    how.both_ways = prefix_ || !mixture_;
    if (prefix_ && prefix_->begin_id >= 0) how.marks.push_back(prefix_->begin_id);
    const bool usual = mixture_ ? prefix_ && prefix_->mode_token : ids.s2s >= 0;  // a tokenizer has the token if a denoiser needs it
    const int id = mode == "nlu" ? ids.nlu : mode == "nlg" ? ids.nlg : mode == "s2s" || (mode == "automatic" && usual) ? ids.s2s : -1;
    if (id < 0 && mode != "none" && mode != "automatic") errors::no_such_mode_token(mode);
    if (id >= 0) how.marks.push_back(id);
    return how;
  }

 private:
  std::string name_{raptr::causal_lm::name};
  std::optional<raptr::ul2> mixture_{};  // nullopt: not known
  std::optional<raptr::prefix_lm> prefix_{};
  bool causal_ = false;
};

}  // namespace program
