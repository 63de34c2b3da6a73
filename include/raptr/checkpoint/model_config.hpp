// SPDX-License-Identifier: Apache-2.0
// config.json of a checkpoint: what the Hugging Face classes need to build the same network, by the list of members of the
// family, and under "raptr" what this library needs.
#pragma once

#include <raptr/checkpoint/hugging_face_config.hpp>

namespace raptr {

namespace errors {
[[noreturn]] inline void size_differs(const std::filesystem::path& file, const named_size& which, int here) {
  fail<file_error>(shown(file) + ": \"" + std::string(which.member) + "\" is " + std::to_string(which.size) + ", but this model has " +
                   std::to_string(here) + " as " + std::string(which.name) + ": create it with the shape of hugging_face_shape(folder)");
}
[[noreturn]] inline void number_differs(const std::filesystem::path& file, const std::string& member, const std::string& there,
                                        const std::string& here) {
  fail<file_error>(shown(file) + ": \"" + member + "\" is " + there + ", but that of this model is " + here +
                   ": create it with the shape of hugging_face_shape(folder)");
}
}  // namespace errors

/// defaults: also numbers that are those of the block.
inline json numbers_to_json(const model_shape& s, bool defaults) {
  json own{{"layers", s.layers},
           {"width", s.width},
           {"heads", s.heads},
           {"kv_heads", s.head_groups()},
           {"neurons", s.neuron_count()},
           {"neuron_group", s.neuron_group},
           {"vocab", s.vocab},
           {"context", s.context}};
  if (defaults || s.token_types > 0) own["token_types"] = s.token_types;
  if (defaults || s.norm_eps > 0) own["norm_eps"] = s.norm_eps;
  if (defaults || s.attention_scale > 0) own["attention_scale"] = s.attention_scale;
  if (defaults || s.scale_by_depth) own["scale_by_depth"] = s.scale_by_depth;
  if (defaults || s.residual_multiplier != 1) own["residual_multiplier"] = s.residual_multiplier;
  if (defaults || s.rotary_base > 0) own["rotary_base"] = s.rotary_base;
  if (const rotary_scaling& by = s.rotary_stretch; defaults || by != rotary_scaling{})
    own["rotary_stretch"] = {{"factor", by.factor}, {"context", by.context}, {"slow", by.slow}, {"fast", by.fast}};
  if (const dropout_rates& rates = s.dropout; defaults || rates != dropout_rates{})
    own["dropout"] = {{"embedding", rates.embedding}, {"residual", rates.residual}};
  if (defaults || s.dropout.attention > 0) own["dropout"]["attention"] = s.dropout.attention;
  return own;
}
/// The "raptr" member of config.json.
template <class Block, class Objective> json shape_to_json(const model_shape& s) {
  json own{{"format", 1}, {"names", names_of<Block>(s).family}, {"objective", Objective::name}};
  own.update(numbers_to_json(s, false));
  return own;
}
/// Throws file_error if the file has no such member, or an invalid number in it.
inline model_shape shape_from_json(const json& config, const std::filesystem::path& file) {
  const json own = json_member<json>(config, "raptr", file);
  const auto number = [&](const char* name) { return json_member<int>(own, name, file); };
  model_shape s{.layers = number("layers"),
                .width = number("width"),
                .heads = number("heads"),
                .kv_heads = number("kv_heads"),
                .neurons = number("neurons"),
                .neuron_group = number("neuron_group"),
                .vocab = number("vocab"),
                .context = number("context")};
  if (own.contains("token_types")) s.token_types = number("token_types");
  if (own.contains("norm_eps")) s.norm_eps = json_member<double>(own, "norm_eps", file);
  if (own.contains("attention_scale")) s.attention_scale = json_member<double>(own, "attention_scale", file);
  if (own.contains("scale_by_depth")) s.scale_by_depth = json_member<bool>(own, "scale_by_depth", file);
  if (own.contains("residual_multiplier")) s.residual_multiplier = json_member<double>(own, "residual_multiplier", file);
  if (own.contains("rotary_base")) s.rotary_base = json_member<double>(own, "rotary_base", file);
  if (own.contains("rotary_stretch")) {
    const json by = json_member<json>(own, "rotary_stretch", file);
    const auto part = [&](const char* name) { return json_member<double>(by, name, file); };
    s.rotary_stretch = {.factor = part("factor"), .context = json_member<int>(by, "context", file), .slow = part("slow"), .fast = part("fast")};
  }
  if (own.contains("dropout")) {
    const json rates = json_member<json>(own, "dropout", file);
    s.dropout = {json_member<double>(rates, "embedding", file), json_member<double>(rates, "residual", file)};
    if (rates.contains("attention")) s.dropout.attention = json_member<double>(rates, "attention", file);
  }
  try {
    s.check();
  } catch (const member_error& wrong) {
    errors::wrong_member(file, "raptr", "sizes of a model", wrong.path() + wrong.problem);
  } catch (const input_error& wrong) {
    errors::wrong_member(file, "raptr", "sizes of a model", bare_sentence(wrong));
  }
  return s;
}

/// The shape with the numbers that its block has where the shape leaves them to it.
template <class Block> model_shape completed_shape(model_shape s) {
  s.neurons = s.neuron_count(), s.norm_eps = epsilon_of<typename Block::norm>(s), s.token_types = token_types_of<Block>(s);
  s.kv_heads = s.head_groups();
  s.rotary_base = rotary_base_of<typename Block::positions>(s);
  return s;
}

namespace detail {

/// A config_visitor that writes. defaults: flags too that have the value of an absent one.
class config_writer {
 public:
  config_writer(json& config, const vocabulary& tokens, bool defaults = false) : config_(config), tokens_(tokens), defaults_(defaults) {}

  void size(const char*, const char* member, int value, int = 0) { config_[member] = value; }
  void number(const char* member, double value, double) { config_[member] = value; }
  void rotary(double base, const rotary_scaling& stretch, double) {
    config_["rope_parameters"] = rotary_to_json({base, stretch});
    config_["rope_theta"] = base;
    if (stretch != rotary_scaling{}) config_["rope_scaling"] = rotary_to_json({0, stretch});
  }
  void flag(const char* member, bool value, bool missing) {
    if (defaults_ || value != missing) config_[member] = value;
  }
  void only(const char* member, const config_values& values) { config_[member] = json_of(*values.begin()); }
  void checked(const char*, const config_values&) {}
  void policy(const char* member, const config_value&, const config_values& values) { only(member, values); }
  void alias(const char* member, int value) { config_[member] = value; }
  void id(const char* member, int vocabulary::*which) { config_[member] = tokens_.*which < 0 ? json(nullptr) : json(tokens_.*which); }
  void rate(const char* member, double value, double) { config_[member] = value; }

 private:
  json& config_;
  const vocabulary& tokens_;
  bool defaults_;
};
static_assert(config_visitor<config_writer>);

}  // namespace detail

/// Throws file_error unless the contents of `file`, a config.json of the model's family, describe a model of this block and shape.
template <class Block> void expect_same_config(const json& config, const std::filesystem::path& file, const model_shape& shape) {
  using family = family_of<Block>;
  const auto members = [](model_shape completed) {
    json all;
    const vocabulary none;
    detail::config_writer writer(all, none, true);
    family::template config<Block>(writer, completed);
    return all;
  };
  hugging_face_model there = hugging_face_config_of<family, Block>(config, file, shape.neuron_group, true);
  there.shape.dropout = shape.dropout;  // how it trains, which weights do not depend on
  const json ours = members(completed_shape<Block>(shape)), theirs = members(there.shape);
  for (const named_size& s : there.sizes)
    if (const json& size = ours[std::string(s.member)]; size != s.size) errors::size_differs(file, s, size.get<int>());
  for (const auto& [member, value] : theirs.items())
    if (const json& here = ours[member]; here != value) errors::number_differs(file, member, detail::shown_json(value), detail::shown_json(here));
}

/// The same for a folder of a checkpoint, whatever names it has. Without a config.json nothing is checked.
template <class Block> void expect_same_model(const std::filesystem::path& folder, const model_shape& shape) {
  const auto file = folder / "config.json";
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) return;
  const json config = read_json(file);
  if (names_of<Block>(shape).family != own_names.family) return expect_same_config<Block>(config, file, shape);
  model_shape there = shape_from_json(config, file);
  there.neuron_group = shape.neuron_group, there.dropout = shape.dropout;  // how it trains, as above
  const json theirs = numbers_to_json(completed_shape<Block>(there), true), ours = numbers_to_json(completed_shape<Block>(shape), true);
  for (const auto& [member, value] : theirs.items())
    if (ours[member] != value) errors::number_differs(file, member, value.dump(), ours[member].dump());
}

/// whole: the files also contain all layers of the family that are not trained here, as the pooler and the head of next-sentence
/// prediction of a BERT.
template <class Block, class Objective> json model_config(const model_shape& shape, const vocabulary& tokens, bool whole = false) {
  json config = with_family_of_files<Block>(shape, [&]<class Family>() {
    json members{{"model_type", Family::name}};
    if (const std::string_view architecture = Family::architecture(whole); !architecture.empty())
      members["architectures"] = json::array({architecture});
    model_shape completed = completed_shape<Block>(shape);
    detail::config_writer writer(members, tokens);
    Family::template config<Block>(writer, completed);
    return members;
  });
  config["dtype"] = std::same_as<typename Block::precision::master, float> ? "float32" : "float64";
  config["raptr"] = shape_to_json<Block, Objective>(shape);
  return config;
}

/// The contents of generation_config.json. Without the length, readers generate beyond the last position.
inline json generation_config(const model_shape& shape, const vocabulary& tokens) {
  const auto or_null = [](int id) { return id < 0 ? json(nullptr) : json(id); };
  return {{"bos_token_id", or_null(tokens.end_of_text)},
          {"eos_token_id", or_null(tokens.end_of_text)},
          {"pad_token_id", or_null(tokens.pad >= 0 ? tokens.pad : tokens.end_of_text)},
          {"max_length", shape.context}};
}

}  // namespace raptr
