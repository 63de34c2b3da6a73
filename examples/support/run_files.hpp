// SPDX-License-Identifier: Apache-2.0
// The files in the folder of a run, and its newest good checkpoint.
//
//   config.json         all options, names of files absolute, and the hash of the text
//   metrics.jsonl       one line per step
//   events.out.tfevents.raptr   the same for TensorBoard, with --tensorboard
//   checkpoints/        step-000120/ and so on
//   summary.json        written at the end
//   curves.svg          written at the end
#pragma once

#include <filesystem>
#include <functional>
#include <optional>

#include <raptr/checkpoint/retention.hpp>
#include <raptr/io/json.hpp>

namespace program {

struct run_files {
  std::filesystem::path folder;
  std::filesystem::path config() const { return folder / "config.json"; }
  std::filesystem::path metrics() const { return folder / "metrics.jsonl"; }
  std::filesystem::path events() const { return folder / "events.out.tfevents.raptr"; }
  std::filesystem::path checkpoints() const { return folder / "checkpoints"; }
  std::filesystem::path checkpoint(std::int64_t step) const { return checkpoints() / raptr::step_name(step); }
  std::filesystem::path summary() const { return folder / "summary.json"; }
  std::filesystem::path curves() const { return folder / "curves.svg"; }

  /// Calls note(sentence) for each damaged checkpoint.
  std::optional<raptr::step_folder> newest(const std::function<void(const std::string&)>& note) const {
    return raptr::newest_good(checkpoints(), [&](const raptr::step_folder& skipped, const std::string& reason) {
      note("checkpoint " + raptr::step_name(skipped.step) + " is damaged and skipped: " + reason.substr(reason.starts_with("raptr: ") ? 7 : 0));
    });
  }
};

/// A file name, quoted for a shell.
inline std::string shell_word(const std::string& text) {
  if (!text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./,:=+@%") == text.npos) return text;
  bool printable = true;
  for (const char c : text) printable = printable && static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
  std::string word = printable ? "'" : "$'";
  for (const char c : text) {
    constexpr std::string_view digits = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    if (!printable && (byte < 0x20 || byte == 0x7f))
      word += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
    else if (c == '\'')
      word += printable ? "'\\''" : "\\'";
    else if (c == '\\' && !printable)
      word += "\\\\";
    else
      word += c;
  }
  return word + "'";
}

}  // namespace program
