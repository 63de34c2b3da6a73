// SPDX-License-Identifier: Apache-2.0
// config.json of a checkpoint: what the Hugging Face classes need to build the same network, and under "raptr" what this
// library needs. There is no dropout, so every rate is written as 0.
#pragma once

#include <raptr/io/json.hpp>
#include <raptr/models/families.hpp>
#include <raptr/tokenizers/vocabulary.hpp>

namespace raptr {

/// The "raptr" member of config.json.
template <class Block, class Objective> json shape_to_json(const model_shape& s) {
  return {{"format", 1},
          {"names", names_of<Block, Objective>(s).family},
          {"objective", Objective::name},
          {"layers", s.layers},
          {"width", s.width},
          {"heads", s.heads},
          {"kv_heads", s.head_groups()},
          {"neurons", s.neuron_count()},
          {"neuron_group", s.neuron_group},
          {"vocab", s.vocab},
          {"context", s.context}};
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
  try {
    s.check();
  } catch (const input_error& wrong) {
    errors::wrong_member(file, "raptr", "sizes of a model", bare_sentence(wrong));
  }
  return s;
}

/// next_sentence: the files of this BERT also contain the pooler and the head of next-sentence prediction.
template <class Block, class Objective> json model_config(const model_shape& s, const vocabulary& tokens, bool next_sentence = false) {
  [[maybe_unused]] const auto id = [](int token) { return token < 0 ? json(nullptr) : json(token); };
  const bool published = names_of<Block, Objective>(s).family != own_names.family;
  json config{{"model_type", "raptr"}};
  if constexpr (gpt2_like<Block, Objective>) {
    if (published)
      config = {{"model_type", "gpt2"},
                {"architectures", {"GPT2LMHeadModel"}},
                {"vocab_size", s.vocab},
                {"n_positions", s.context},
                {"n_embd", s.width},
                {"n_layer", s.layers},
                {"n_head", s.heads},
                {"n_inner", s.neuron_count()},
                {"activation_function", "gelu_new"},
                {"layer_norm_epsilon", Block::norm::eps},
                {"embd_pdrop", 0.0},
                {"attn_pdrop", 0.0},
                {"resid_pdrop", 0.0},
                {"tie_word_embeddings", true},
                {"bos_token_id", id(tokens.end_of_text)},
                {"eos_token_id", id(tokens.end_of_text)}};
  } else if constexpr (bert_like<Block, Objective>) {
    if (published)
      config = {{"model_type", "bert"},
                {"architectures", {next_sentence ? "BertForPreTraining" : "BertForMaskedLM"}},
                {"vocab_size", s.vocab},
                {"max_position_embeddings", s.context},
                {"hidden_size", s.width},
                {"num_hidden_layers", s.layers},
                {"num_attention_heads", s.heads},
                {"intermediate_size", s.neuron_count()},
                {"hidden_act", "gelu"},
                {"layer_norm_eps", Block::norm::eps},
                {"hidden_dropout_prob", 0.0},
                {"attention_probs_dropout_prob", 0.0},
                {"type_vocab_size", Block::embedding::types},
                {"tie_word_embeddings", true},
                {"pad_token_id", id(tokens.pad)}};
  }
  config["torch_dtype"] = std::same_as<typename Block::precision::master, float> ? "float32" : "float64";
  config["raptr"] = shape_to_json<Block, Objective>(s);
  return config;
}

}  // namespace raptr
