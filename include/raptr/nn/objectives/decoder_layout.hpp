// SPDX-License-Identifier: Apache-2.0
// How a decoder reads inputs and predicts targets: both are one sequence, and each row predicts the token behind the one that it reads,
// as in causal_lm. T5X has a row more, which reads a token 0 before the first one: here that is a mark before the inputs.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>

#include <raptr/nn/batch.hpp>

namespace raptr {

/// Ids before the inputs; -1: none.
struct input_marks {
  int begin = -1, mode = -1;

  constexpr int count() const { return (begin >= 0) + (mode >= 0); }
};

/// Appends marks, inputs and targets as one segment of marks + inputs + targets - 1 rows. Those that read marks and inputs see each other;
/// the last of them predicts the first target.
///
///   fill  fill(inputs, targets) writes the ids, into spans of the given lengths
template <class Fill> void add_decoder_segment(batch& to, const input_marks& marks, int inputs, int targets, const Fill& fill) {
  const int first = static_cast<int>(to.ids.size()), seen = marks.count() + inputs;
  for (const int id : {marks.begin, marks.mode})
    if (id >= 0) to.ids.push_back(id);
  to.ids.resize(static_cast<std::size_t>(first + seen + targets));
  const std::span<int> ids = std::span(to.ids).subspan(static_cast<std::size_t>(first));
  fill(ids.subspan(static_cast<std::size_t>(marks.count()), static_cast<std::size_t>(inputs)), ids.last(static_cast<std::size_t>(targets)));
  for (int k = seen; k < seen + targets; ++k) to.targets.push_back({first + k - 1, ids[static_cast<std::size_t>(k)], 1.0f});
  to.ids.pop_back();  // no row reads the last token
  to.add_segment(seen + targets - 1, seen);
}

/// "spans(3, 0.15, mode)": the name and the options that are not empty.
inline std::string part_text(const std::string& name, std::initializer_list<std::string> options, bool mode_token, int begin_id) {
  std::string list;
  const auto add = [&](const std::string& option) {
    if (!option.empty()) list += (list.empty() ? "" : ", ") + option;
  };
  for (const std::string& option : options) add(option);
  add(mode_token ? "mode" : ""), add(begin_id >= 0 ? "begin " + std::to_string(begin_id) : "");
  return list.empty() ? name : name + "(" + list + ")";
}

}  // namespace raptr
