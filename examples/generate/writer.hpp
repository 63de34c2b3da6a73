// SPDX-License-Identifier: Apache-2.0
// A trained model that continues a text, behind an interface without templates.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace program {

class writer {
 public:
  virtual ~writer() = default;
  virtual int context() const = 0;
  /// An empty text: the begin of a document. Returns the number of tokens of the text.
  virtual std::int64_t begin(std::string_view text) = 0;
  /// choose: from the logits of the tokenizer's ids to one of them. Nothing at the end of the document.
  virtual std::optional<std::string> next(const std::function<int(std::span<const float>)>& choose) = 0;
};

/// Throws file_error for what is no checkpoint or damaged, input_error for a model that does not continue texts.
/// tokenizer: "bytes", a file or a folder; empty: what the run that holds the checkpoint was trained with, else bytes.
std::unique_ptr<writer> make_writer(const std::filesystem::path& checkpoint, std::string tokenizer, int threads);

}  // namespace program
