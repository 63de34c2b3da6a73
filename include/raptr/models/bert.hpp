// SPDX-License-Identifier: Apache-2.0
// BERT: its block and its family, with the names, shapes and config.json of Hugging Face's BertForMaskedLM [hf].
#pragma once

#include <raptr/models/family.hpp>
#include <raptr/nn/objectives/masked_lm.hpp>

namespace raptr {

struct bert_family;
struct bert_block : preset<bert_layer_norm, full_attention, gelu_erf_mlp, post_norm, learned_positions, biases, bert_head, token_types<2>, fp32> {
  using family = bert_family;
};

namespace bert_files {  // weights as (out, in)
inline constexpr tensor_name model[]{{"embed_tokens.weight", "bert.embeddings.word_embeddings.weight"},
                                     {"embed_positions.weight", "bert.embeddings.position_embeddings.weight"},
                                     {"embed_norm.weight", "bert.embeddings.LayerNorm.weight"},
                                     {"embed_norm.bias", "bert.embeddings.LayerNorm.bias"},
                                     {"transform.weight", "cls.predictions.transform.dense.weight"},
                                     {"transform.bias", "cls.predictions.transform.dense.bias"},
                                     {"transform_norm.weight", "cls.predictions.transform.LayerNorm.weight"},
                                     {"transform_norm.bias", "cls.predictions.transform.LayerNorm.bias"},
                                     {"output.bias", "cls.predictions.bias"},
                                     {"embed_token_types.weight", "bert.embeddings.token_type_embeddings.weight"},
                                     {"output.weight", "cls.predictions.decoder.weight"},
                                     {"output.bias", "cls.predictions.decoder.bias"}};  // of an untied head only
inline constexpr tensor_name parts[]{{"attention.norm.weight", "attention.output.LayerNorm.weight"},
                                     {"attention.norm.bias", "attention.output.LayerNorm.bias"},
                                     {"attention.q_proj.weight", "attention.self.query.weight"},
                                     {"attention.k_proj.weight", "attention.self.key.weight"},
                                     {"attention.v_proj.weight", "attention.self.value.weight"},
                                     {"attention.q_proj.bias", "attention.self.query.bias"},
                                     {"attention.k_proj.bias", "attention.self.key.bias"},
                                     {"attention.v_proj.bias", "attention.self.value.bias"},
                                     {"attention.o_proj.weight", "attention.output.dense.weight", true},
                                     {"attention.o_proj.bias", "attention.output.dense.bias"},
                                     {"mlp.norm.weight", "output.LayerNorm.weight"},
                                     {"mlp.norm.bias", "output.LayerNorm.bias"},
                                     {"mlp.up_proj.weight", "intermediate.dense.weight"},
                                     {"mlp.up_proj.bias", "intermediate.dense.bias"},
                                     {"mlp.down_proj.weight", "output.dense.weight", true},
                                     {"mlp.down_proj.bias", "output.dense.bias"}};
inline constexpr stack_names stack[]{{"bert.encoder.layer.", parts}};
inline constexpr untrained_layer untrained[]{{"bert.pooler.dense", 0}, {"cls.seq_relationship", 2}};
inline constexpr tied_name tied[]{{"cls.predictions.decoder.weight", "bert.embeddings.word_embeddings.weight"},
                                  {"cls.predictions.decoder.bias", "cls.predictions.bias"}};
// transformers 5 reads the bias of the decoder; before, both names were one parameter, saved as cls.predictions.bias.
inline constexpr tied_name untied[]{{"cls.predictions.bias", "cls.predictions.decoder.bias", true}};
inline constexpr std::string_view constants[]{"bert.embeddings.position_ids", "bert.embeddings.token_type_ids"};
}  // namespace bert_files

/// Its files hold a gelu_tanh or gelu_erf mlp with the same function in the head, any epsilon, a tied or an untied head, any number
/// of token types but none; no grouped queries.
struct bert_family {
  static constexpr std::string_view name = "bert";
  using network = bert_block;
  using objective = masked_lm;
  static constexpr tokenizer_kind tokenizer = tokenizer_kind::wordpiece;

  template <class Network> static constexpr bool holds(const model_shape& s) {
    return shaped_like<Network, network> && is_layer_norm<typename Network::norm> && has_gelu<typename Network::mlp> && same_function<Network>() &&
           token_types_of<Network>(s) > 0 && s.head_groups() == s.heads && s.attention_scale == 0 && !s.scale_by_depth && s.residual_multiplier == 1;
  }
  template <class Network> static constexpr tensor_names names() {
    constexpr bool tied = Network::head::tied;
    const std::span model(bert_files::model);  // the last name of a weight counts
    return {name,
            tied ? model.first(model.size() - 1) : model,
            bert_files::stack,
            "bert.",
            bert_files::untrained,
            tied ? std::span<const tied_name>(bert_files::tied) : bert_files::untied,
            bert_files::constants};
  }
  static constexpr std::string_view architecture(bool whole) { return whole ? "BertForPreTraining" : "BertForMaskedLM"; }
  template <class Network, class Visitor> static void config(Visitor& visit, model_shape& s) {
    visit.size("layers", "num_hidden_layers", s.layers);
    visit.size("width", "hidden_size", s.width);
    visit.size("heads", "num_attention_heads", s.heads);
    visit.size("neurons", "intermediate_size", s.neurons);
    visit.size("vocab", "vocab_size", s.vocab);
    visit.size("context", "max_position_embeddings", s.context);
    visit.size("token-types", "type_vocab_size", s.token_types, network::embedding::types);
    visit.number("layer_norm_eps", s.norm_eps, bert_layer_norm::eps);
    visit.policy("hidden_act", "gelu", gelu_names<Network>());
    visit.policy("tie_word_embeddings", true, {Network::head::tied});
    visit.only("position_embedding_type", {"absolute"});
    visit.checked("is_decoder", {false});
    visit.checked("add_cross_attention", {false});
    visit.rate("hidden_dropout_prob", s.dropout.residual, 0.1);
    s.dropout.embedding = s.dropout.residual;  // one member for both
    visit.rate("attention_probs_dropout_prob", s.dropout.attention, 0.1);
    visit.id("pad_token_id", &vocabulary::pad);
  }
  /// The row of [PAD] starts like the others, where Hugging Face's starts as zeros: batches have no padding, so it is a row of the
  /// output matrix and nothing else.
  static double deviation(initializer kind, const model_shape& s) { return bert_deviation(kind, s); }

 private:
  /// Whether the head applies the function of the mlp.
  template <class Network> static constexpr bool same_function() {
    if constexpr (requires { typename Network::head::transform::function; } && has_gelu<typename Network::mlp>)
      return std::same_as<typename Network::head::transform::function, typename Network::mlp::function>;
    else
      return false;
  }
};

}  // namespace raptr
