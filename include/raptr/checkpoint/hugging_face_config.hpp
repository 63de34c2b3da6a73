// SPDX-License-Identifier: Apache-2.0
// Reads config.json of a Hugging Face folder. A member whose value would change the network and is not supported is rejected
// by name: nothing is computed in another way than the file specifies. The exception is dropout, which no model here has: its
// rates are ignored.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <filesystem>
#include <initializer_list>
#include <string>

#include <raptr/io/json.hpp>
#include <raptr/models/families.hpp>
#include <raptr/nn/block.hpp>
#include <raptr/nn/objectives/causal_lm.hpp>
#include <raptr/nn/objectives/masked_lm.hpp>

namespace raptr {

/// A size of a model: its name here, and that of the member of config.json.
struct named_size {
  std::string_view name, member;
  int model_shape::*size;
};
using named_sizes = std::array<named_size, 6>;
inline constexpr named_sizes gpt2_sizes{{{"layers", "n_layer", &model_shape::layers},
                                         {"width", "n_embd", &model_shape::width},
                                         {"heads", "n_head", &model_shape::heads},
                                         {"neurons", "n_inner", &model_shape::neurons},
                                         {"vocab", "vocab_size", &model_shape::vocab},
                                         {"context", "n_positions", &model_shape::context}}};
inline constexpr named_sizes bert_sizes{{{"layers", "num_hidden_layers", &model_shape::layers},
                                         {"width", "hidden_size", &model_shape::width},
                                         {"heads", "num_attention_heads", &model_shape::heads},
                                         {"neurons", "intermediate_size", &model_shape::neurons},
                                         {"vocab", "vocab_size", &model_shape::vocab},
                                         {"context", "max_position_embeddings", &model_shape::context}}};

struct hugging_face_model {
  tensor_names names;          // its family: "gpt2" or "bert"
  std::string_view objective;  // of its head: causal_lm::name or masked_lm::name
  named_sizes sizes;
  model_shape shape;  // neurons as a number, kv_heads 0
};

namespace errors {
[[noreturn]] inline void unsupported_member(const std::filesystem::path& file, std::string_view member, const json& value,
                                            const std::string& supported) {
  fail<file_error>(shown(file) + ": \"" + std::string(member) + "\" is " + detail::shown_json(value) + "; supported: " + supported);
}
[[noreturn]] inline void shape_of_config_cannot_be(const std::filesystem::path& file, const input_error& about_sizes) {
  fail<file_error>(shown(file) + ": " + bare_sentence(about_sizes));
}
}  // namespace errors

namespace detail {

/// Throws unless a member is missing or has one of the supported values; the first one is the default.
inline void expect_member(const json& config, const std::filesystem::path& file, const char* member, std::initializer_list<json> supported) {
  const auto found = config.find(member);
  if (found == config.end() || std::ranges::find(supported, *found) != supported.end()) return;
  std::string list;
  for (const json& one : supported) list += (list.empty() ? "" : " or ") + shown_json(one);
  errors::unsupported_member(file, member, *found, list);
}

}  // namespace detail

/// Reads config.json of a folder with a GPT-2 or a BERT. Throws file_error for another architecture, a member that is not
/// supported, and invalid sizes.
///
///   neuron_group  of the shape, which such files do not contain
inline hugging_face_model hugging_face_config(const std::filesystem::path& folder, int neuron_group = model_shape{}.neuron_group) {
  const auto file = folder / "config.json";
  const json config = read_json(file);
  const auto family = json_member<std::string>(config, "model_type", file);
  const auto only = [&](const char* member, std::initializer_list<json> supported) { detail::expect_member(config, file, member, supported); };
  hugging_face_model model{gpt2_names, causal_lm::name, gpt2_sizes, {}};
  if (family == gpt2_names.family) {
    only("activation_function", {"gelu_new", "gelu_pytorch_tanh"});  // two names of one function
    only("layer_norm_epsilon", {gpt2_block::norm::eps});
    only("scale_attn_weights", {true});
    only("scale_attn_by_inverse_layer_idx", {false});
  } else if (family == bert_names.family) {
    model = {bert_names, masked_lm::name, bert_sizes, {}};
    only("hidden_act", {"gelu", "gelu_python"});
    only("layer_norm_eps", {bert_block::norm::eps});
    only("position_embedding_type", {"absolute"});
    only("type_vocab_size", {bert_block::embedding::types});
    only("is_decoder", {false});
  } else {
    errors::unsupported_member(file, "model_type", config["model_type"], "\"gpt2\" or \"bert\"");
  }
  only("add_cross_attention", {false});
  only("tie_word_embeddings", {true});
  only("pruned_heads", {json::object(), nullptr});
  only("quantization_config", {nullptr});
  for (const named_size& s : model.sizes) {
    const std::string member(s.member);
    const bool four_times_width = member == "n_inner" && (!config.contains(member) || config[member].is_null());
    model.shape.*s.size = four_times_width ? 0 : json_member<int>(config, member, file);
    if (!four_times_width && model.shape.*s.size < 1) errors::wrong_member(file, member, "1 or more", detail::shown_json(config[member]));
  }
  try {
    model.shape.neuron_group = neuron_group;
    model.shape.check();
    model.shape.neurons = model.shape.neuron_count();
  } catch (const input_error& e) {
    errors::shape_of_config_cannot_be(file, e);
  }
  return model;
}

}  // namespace raptr
