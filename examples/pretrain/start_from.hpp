// SPDX-License-Identifier: Apache-2.0
// What a run takes from the Hugging Face folder that it starts from: architecture, shape, tokenizer. An option that
// contradicts the folder is an error; it is not ignored.
#pragma once

#include <raptr/checkpoint/hugging_face_config.hpp>
#include <raptr/schedule/growth.hpp>

#include "network_trainer.hpp"

namespace program {

namespace errors {
[[noreturn]] inline void option_contradicts_folder(const std::string& option, const std::string& given, const std::filesystem::path& file,
                                                   const std::string& there) {
  raptr::fail("--" + option + " is " + given + ", but " + raptr::shown(file) + " " + there + ": leave --" + option + " out, or leave --from out");
}
[[noreturn]] inline void folder_has_no_tokenizer(const std::filesystem::path& folder) {
  raptr::fail(raptr::shown(folder) + " holds no tokenizer (tokenizer.json, vocab.json or vocab.txt): give the one of its weights as --tokenizer");
}
}  // namespace errors

/// Sets shape, objective and, if none is given, tokenizer from s.from. Throws for an option in `given` that contradicts them.
inline void take_shape(settings& s, const option_list& given) {
  const raptr::hugging_face_model there = raptr::hugging_face_config(s.from, int(s.neuron_group));
  const auto file = s.from / "config.json";
  const std::string family(there.names.family);
  option_list options = options_of(s);
  if (given.given("objective") && s.objective != there.objective)
    errors::option_contradicts_folder("objective", s.objective, file, "is of a " + family + ", whose head is for " + std::string(there.objective));
  s.objective = there.objective;
  if (s.kv_heads != 0 && s.kv_heads != there.shape.heads)
    errors::option_contradicts_folder(
        "kv-heads", std::to_string(s.kv_heads), file,
        "is of a " + family + ", which has a key and a value for each of its " + std::to_string(there.shape.heads) + " heads");
  for (const raptr::named_size& size : there.sizes) {
    const raptr::json value = option_list::json_of(*options.find(size.name));
    const std::int64_t number = there.shape.*size.size;
    const bool default_neurons = size.name == "neurons" && value == 0 && number == 4 * there.shape.width;
    if (given.given(size.name) && value != number && !default_neurons)
      errors::option_contradicts_folder(std::string(size.name), value.dump(), file,
                                        "has " + std::to_string(number) + " as \"" + std::string(size.member) + "\"");
  }
  for (const raptr::named_size& size : there.sizes) options.set(size.name, there.shape.*size.size);
  if (given.given("tokenizer")) return;
  std::error_code ignored;
  const auto has = [&](const char* name) { return std::filesystem::exists(s.from / name, ignored); };
  if (has("tokenizer.json") || has("vocab.json") || has("vocab.txt"))
    s.tokenizer = s.from.native();
  else if (s.text.empty() && s.validation_text.empty())
    s.tokenizer = "none";  // shards are tokens already
  else
    errors::folder_has_no_tokenizer(s.from);
}

/// Whether the schedule begins with some of the blocks and copies them over the others.
inline bool grows(const settings& s, const network_trainer& network) {
  const auto& shape = network.layout().shape;
  return raptr::network_of(network.schedule(), raptr::position_at(network.schedule(), 0, s.steps, shape)).size() < shape.layers;
}

}  // namespace program
