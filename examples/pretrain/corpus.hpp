// SPDX-License-Identifier: Apache-2.0
// The text of a run as tokens, and the part of it, or the other text, that measures the loss.
#pragma once

#include <optional>

#include "../support/text_report.hpp"
#include "../support/tokenizers.hpp"
#include "network_trainer.hpp"

namespace program {

class corpus {
 public:
  static constexpr double held_out_share = 0.05;

  explicit corpus(const settings& s) : corpus(s, tokenizer_of(s)) {}
  corpus(const corpus&) = delete;
  corpus& operator=(const corpus&) = delete;

  /// The end of the text is held out if both parts fill a window; a validation text must.
  void divide(const network_trainer& network) {
    training_.emplace(stream_, 0, stream_.size());
    if (validation_stream_) {
      validation_.emplace(*validation_stream_, 0, validation_stream_->size());
      (void)network.sample(*validation_);  // throws if it is too short
    } else if (double(stream_.size()) * held_out_share >= 1) {
      const auto parts = raptr::hold_out(stream_, held_out_share);
      if (network.fills_a_window(parts.training.size()) && network.fills_a_window(parts.validation.size()))
        training_ = parts.training, validation_ = parts.validation;
    }
  }
  const tokens& training() const { return *training_; }
  const tokens* validation() const { return validation_ ? &*validation_ : nullptr; }

  raptr::vocabulary vocabulary() const { return stream_.vocabulary(); }

  /// One line about what was read.
  std::string line() const {
    std::string text = described("text", stream_);
    if (validation_stream_)
      text += "; " + described("validation text", *validation_stream_);
    else if (validation_)
      text += "; the last " + count_text(validation_->size()) + " tokens are held out for validation";
    else
      text += "; too short to hold a part out, so there is no validation";
    return text;
  }
  raptr::json hashes() const {
    raptr::json all = {{"text", hash_text(stream_)}};
    if (validation_stream_) all["validation-text"] = hash_text(*validation_stream_);
    return all;
  }

 private:
  corpus(const settings& s, const raptr::any_tokenizer& tokenizer) : stream_(tokens_of(s, tokenizer, s.text)) {
    if (!s.validation_text.empty()) validation_stream_.emplace(tokens_of(s, tokenizer, s.validation_text));
  }
  /// Known to fit the embedding before any text is read.
  static raptr::any_tokenizer tokenizer_of(const settings& s) {
    auto tokenizer = tokenizer_named(s.tokenizer);
    const int size = vocabulary_of(tokenizer).size;
    if (size > s.vocab) raptr::errors::tokenizer_is_larger_than_the_vocabulary(size, int(s.vocab));
    return tokenizer;
  }
  static raptr::token_stream tokens_of(const settings& s, const raptr::any_tokenizer& tokenizer, const path_list& from) {
    const auto split = s.documents == "file" ? raptr::documents::whole_file : raptr::documents::blank_line;
    return std::visit([&](const auto& t) { return raptr::token_stream(t, from, split); }, tokenizer);
  }
  static std::string described(const char* what, const raptr::token_stream& stream) {
    return std::string(what) + ": " + text_report_line(stream.report(), counted(stream.size(), "token", "tokens"));
  }
  static std::string hash_text(const raptr::token_stream& stream) {
    return raptr::crc_text(static_cast<std::uint32_t>(stream.hash() >> 32)) + raptr::crc_text(static_cast<std::uint32_t>(stream.hash()));
  }

  raptr::token_stream stream_;
  std::optional<raptr::token_stream> validation_stream_;
  std::optional<tokens> training_, validation_;
};

}  // namespace program
