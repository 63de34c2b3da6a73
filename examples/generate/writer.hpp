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
  /// Sets the prompt; an empty text starts a new document. Returns the number of tokens of the text.
  virtual std::int64_t begin(std::string_view text) = 0;
  /// choose: maps the logits of the tokenizer's ids to one id. Returns nullopt at the end of the document.
  virtual std::optional<std::string> next(const std::function<int(std::span<const float>)>& choose) = 0;
};

/// Throws file_error if the checkpoint is missing or damaged, input_error for a model that cannot continue a text.
/// tokenizer: "bytes", a file or a folder; empty: that of the run that holds the checkpoint, else bytes.
std::unique_ptr<writer> make_writer(const std::filesystem::path& checkpoint, std::string tokenizer, int threads);

}  // namespace program
