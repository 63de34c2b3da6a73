// SPDX-License-Identifier: Apache-2.0
// The text of a run as tokens, and the part of it, or the other text, that measures the loss.
#pragma once

#include <optional>

#include <raptr/text/byte_tokenizer.hpp>

#include "network_trainer.hpp"

namespace program {

class corpus {
 public:
  static constexpr double held_out_share = 0.05;

  explicit corpus(const settings& s) : stream_(tokens_of(s, s.text)) {
    if (!s.validation_text.empty()) validation_stream_.emplace(tokens_of(s, s.validation_text));
  }
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
  static raptr::token_stream tokens_of(const settings& s, const path_list& from) {
    return {raptr::byte_tokenizer{}, from, s.documents == "file" ? raptr::documents::whole_file : raptr::documents::blank_line};
  }
  static std::string described(const char* what, const raptr::token_stream& stream) {
    const raptr::text_report& r = stream.report();
    const auto some = [](std::int64_t n, const char* one, const char* many) { return count_text(n) + " " + (n == 1 ? one : many); };
    std::string text = std::string(what) + ": " + some(r.files, "file", "files") + ", " + some(r.documents, "document", "documents") + ", " +
                       some(r.bytes, "byte", "bytes") + ", " + some(stream.size(), "token", "tokens");
    if (r.empty_files) text += ", " + some(r.empty_files, "file without a document", "files without a document");
    if (r.byte_order_marks) text += ", " + some(r.byte_order_marks, "byte order mark left out", "byte order marks left out");
    if (!r.skipped.empty())
      text += ", " + some(std::ssize(r.skipped), "entry of folders passed over", "entries of folders passed over") + " (" +
              raptr::shown(r.skipped.front().filename()) + ")";
    return text;
  }
  static std::string hash_text(const raptr::token_stream& stream) {
    return raptr::crc_text(static_cast<std::uint32_t>(stream.hash() >> 32)) + raptr::crc_text(static_cast<std::uint32_t>(stream.hash()));
  }

  raptr::token_stream stream_;
  std::optional<raptr::token_stream> validation_stream_;
  std::optional<tokens> training_, validation_;
};

}  // namespace program
