// SPDX-License-Identifier: Apache-2.0
// GPT-2: its block and its family, with the names, shapes and config.json of Hugging Face's GPT2LMHeadModel [hf].
#pragma once

#include <raptr/models/family.hpp>
#include <raptr/nn/objectives/causal_lm.hpp>

namespace raptr {

struct gpt2_family;
struct gpt2_block : preset<layer_norm, causal_attention, gelu_mlp, pre_norm, learned_positions, biases, tied_head, token_types<0>, fp32> {
  using family = gpt2_family;
};

namespace gpt2_files {  // weights as (in, out); query, key and value joined
inline constexpr tensor_name model[]{{"embed_tokens.weight", "transformer.wte.weight"},
                                     {"embed_positions.weight", "transformer.wpe.weight"},
                                     {"final_norm.weight", "transformer.ln_f.weight"},
                                     {"final_norm.bias", "transformer.ln_f.bias"},
                                     {"output.weight", "lm_head.weight"}};
inline constexpr tensor_name parts[]{{"attention.norm.weight", "ln_1.weight"},
                                     {"attention.norm.bias", "ln_1.bias"},
                                     {"attention.q_proj.weight", "attn.c_attn.weight", true},
                                     {"attention.k_proj.weight", "attn.c_attn.weight", true},
                                     {"attention.v_proj.weight", "attn.c_attn.weight", true},
                                     {"attention.q_proj.bias", "attn.c_attn.bias"},
                                     {"attention.k_proj.bias", "attn.c_attn.bias"},
                                     {"attention.v_proj.bias", "attn.c_attn.bias"},
                                     {"attention.o_proj.weight", "attn.c_proj.weight"},
                                     {"attention.o_proj.bias", "attn.c_proj.bias"},
                                     {"mlp.norm.weight", "ln_2.weight"},
                                     {"mlp.norm.bias", "ln_2.bias"},
                                     {"mlp.up_proj.weight", "mlp.c_fc.weight", true},
                                     {"mlp.up_proj.bias", "mlp.c_fc.bias"},
                                     {"mlp.down_proj.weight", "mlp.c_proj.weight"},
                                     {"mlp.down_proj.bias", "mlp.c_proj.bias"}};
inline constexpr std::string_view buffers[]{"attn.bias", "attn.masked_bias"};
inline constexpr stack_names stack[]{{"transformer.h.", parts, buffers}};
inline constexpr tied_name tied[]{{"lm_head.weight", "transformer.wte.weight"}};
}  // namespace gpt2_files

/// Its files hold a gelu_tanh or gelu_erf mlp, any epsilon, a tied or an untied head, and both ways to scale the scores of
/// attention; no grouped queries and no token types.
struct gpt2_family {
  static constexpr std::string_view name = "gpt2";
  using network = gpt2_block;
  using objective = causal_lm;
  static constexpr tokenizer_kind tokenizer = tokenizer_kind::byte_bpe;

  template <class Network> static constexpr bool holds(const model_shape& s) {
    return shaped_like<Network, network> && is_layer_norm<typename Network::norm> && has_gelu<typename Network::mlp> &&
           token_types_of<Network>(s) == 0 && s.head_groups() == s.heads && (s.attention_scale == 0 || s.attention_scale == 1) &&
           s.residual_multiplier == 1;
  }
  template <class Network> static constexpr tensor_names names() {
    return {name,
            gpt2_files::model,
            gpt2_files::stack,
            "transformer.",
            {},
            Network::head::tied ? std::span<const tied_name>(gpt2_files::tied) : std::span<const tied_name>()};
  }
  static constexpr std::string_view architecture(bool) { return "GPT2LMHeadModel"; }
  template <class Network, class Visitor> static void config(Visitor& visit, model_shape& s) {
    visit.size("layers", "n_layer", s.layers);
    visit.size("width", "n_embd", s.width);
    visit.size("heads", "n_head", s.heads);
    visit.size("neurons", "n_inner", s.neurons, 0);
    visit.size("vocab", "vocab_size", s.vocab);
    visit.size("context", "n_positions", s.context);
    visit.alias("n_ctx", s.context);
    visit.number("layer_norm_epsilon", s.norm_eps, layer_norm::eps);
    visit.policy("activation_function", "gelu_new", gelu_names<Network>());
    visit.policy("tie_word_embeddings", true, {Network::head::tied});
    bool scaled = s.attention_scale == 0;
    visit.flag("scale_attn_weights", scaled, true);
    s.attention_scale = scaled ? 0 : 1;
    visit.flag("scale_attn_by_inverse_layer_idx", s.scale_by_depth, false);
    visit.checked("add_cross_attention", {false});
    visit.rate("embd_pdrop", s.dropout.embedding, 0.1);
    visit.rate("attn_pdrop", s.dropout.attention, 0.1);
    visit.rate("resid_pdrop", s.dropout.residual, 0.1);
    for (const char* id : {"bos_token_id", "eos_token_id"}) visit.id(id, &vocabulary::end_of_text);
  }
  /// Projections that write to the residual stream (both c_proj) start smaller, by the full depth.
  static double deviation(initializer kind, const model_shape& s) { return gpt2_deviation(kind, s); }
};

}  // namespace raptr
