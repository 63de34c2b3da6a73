// SPDX-License-Identifier: Apache-2.0
// The training tokens of a run, from a text or from shards, and its validation tokens: a held-out part or a separate text.
#pragma once

#include <optional>

#include <raptr/run/any_trainer.hpp>
#include <raptr/tokenizers/tokenizer_writer.hpp>

#include "settings.hpp"

namespace program {

class corpus {
 public:
  static constexpr double held_out_share = 0.05;

  /// Reads the text. Throws input_error if the options do not fit together, or the tokenizer is not the expected one, before any text is
  /// read.
  ///
  ///   expected  the tokenizer as in the hashes of the run to be resumed; empty: any
  ///   read      that of s, if it has been read already
  explicit corpus(const settings& s, const std::string& expected = "", std::optional<raptr::any_tokenizer> read = {})
      : corpus(s, tokenizer_of(s, expected, std::move(read)), expected) {}
  corpus(const corpus&) = delete;
  corpus& operator=(const corpus&) = delete;

  /// Holds out the end of the text if both parts fill a window; a separate validation text must fill one.
  void divide(const raptr::any_trainer& network);
  const raptr::any_tokens& training() const { return held_out_.first ? *held_out_.first : training_part_.tokens; }
  const raptr::any_tokens* validation() const { return validation_part_ ? &validation_part_->tokens : held_out_.second.get(); }

  /// Of the tokenizer, if --masking needs it; see masked_lm::inside_word.
  const std::vector<bool>& inside_word() const { return inside_word_; }

  /// Of the tokenizer, for checkpoints; none if it is not known.
  const std::vector<raptr::text_file>& tokenizer_files() const { return tokenizer_files_; }

  /// One line about the tokens read.
  std::string line() const;
  /// What identifies the tokens, and the tokenizer. Reads every token once. Throws file_error for shards with an id beyond the vocabulary
  /// or a hash that differs from their shards.json, and stopped on a request.
  raptr::json hashes(const std::stop_token& stop = {}) const;

 private:
  struct part {
    std::string option;  // "text" or "shards"
    raptr::any_tokens tokens;
    std::string line;
    std::filesystem::path index{};
    std::string expected_hash{}, tokenizer{};

    std::string hash(const std::stop_token& stop) const;
  };
  using optional_tokenizer = std::optional<raptr::any_tokenizer>;  // nullopt: only the ids of shards are known

  corpus(const settings& s, const optional_tokenizer& tokenizer, const std::string& expected);
  static optional_tokenizer tokenizer_of(const settings& s, const std::string& expected, std::optional<raptr::any_tokenizer> read);
  static part part_of(const settings& s, const optional_tokenizer& tokenizer, const path_list& text, const path_list& shards, bool validation);

  part training_part_;
  std::optional<part> validation_part_;
  std::vector<bool> inside_word_;
  std::vector<raptr::text_file> tokenizer_files_;
  std::pair<std::unique_ptr<raptr::any_tokens>, std::unique_ptr<raptr::any_tokens>> held_out_;  // training, validation
};

}  // namespace program
