// SPDX-License-Identifier: Apache-2.0
// Llama: its block and its family, with the names, shapes and config.json of Hugging Face's LlamaForCausalLM [hf]. Queries and keys of
// such files are in the order of rotary<half>; Meta's own files have that of rotary<interleaved>.
#pragma once

#include <raptr/models/family.hpp>
#include <raptr/nn/layers/rotary.hpp>
#include <raptr/nn/objectives/causal_lm.hpp>

namespace raptr {

struct llama_family;
struct llama_block : preset<rms_norm, causal_attention, swiglu_mlp, pre_norm, rotary<half>, no_biases, untied_head, token_types<0>, fp32> {
  using family = llama_family;
};

/// Neurons of the mlp of a Llama: 8/3 of the width, rounded up to 256, so that three matrices cost what two of four times the width do.
constexpr int llama_neurons(int width) { return (8 * width / 3 + 255) / 256 * 256; }

inline constexpr model_shape llama_small{.layers = 12, .width = 256, .heads = 4, .neurons = llama_neurons(256), .vocab = 8192, .context = 128};
inline constexpr model_shape llama_134m{.layers = 12, .width = 768, .heads = 12, .neurons = llama_neurons(768), .vocab = 32000, .context = 1024};
inline constexpr model_shape llama_1b{
    .layers = 22, .width = 2048, .heads = 32, .kv_heads = 4, .neurons = llama_neurons(2048), .vocab = 32000, .context = 2048};

namespace llama_files {  // weights as (out, in)
inline constexpr tensor_name model[]{
    {"embed_tokens.weight", "model.embed_tokens.weight"}, {"final_norm.weight", "model.norm.weight"}, {"output.weight", "lm_head.weight"}};
inline constexpr tensor_name parts[]{{"attention.norm.weight", "input_layernorm.weight"},
                                     {"attention.q_proj.weight", "self_attn.q_proj.weight"},
                                     {"attention.k_proj.weight", "self_attn.k_proj.weight"},
                                     {"attention.v_proj.weight", "self_attn.v_proj.weight"},
                                     {"attention.o_proj.weight", "self_attn.o_proj.weight", true},
                                     {"mlp.norm.weight", "post_attention_layernorm.weight"},
                                     {"mlp.gate_proj.weight", "mlp.gate_proj.weight"},
                                     {"mlp.up_proj.weight", "mlp.up_proj.weight"},
                                     {"mlp.down_proj.weight", "mlp.down_proj.weight", true}};
inline constexpr std::string_view buffers[]{"self_attn.rotary_emb.inv_freq"};
inline constexpr std::string_view constants[]{"model.rotary_emb.inv_freq"};
inline constexpr stack_names stack[]{{"model.layers.", parts, buffers}};
inline constexpr tied_name tied[]{{"lm_head.weight", "model.embed_tokens.weight"}};
}  // namespace llama_files

/// Its files hold any epsilon, grouped queries, rotary positions of any base and stretch, a tied or an untied head; no biases, no token
/// types, and scores that are divided by the root of a head's width.
struct llama_family {
  static constexpr std::string_view name = "llama";
  using network = llama_block;
  using objective = causal_lm;
  static constexpr tokenizer_kind tokenizer = tokenizer_kind::byte_bpe;

  template <class Network> static constexpr bool holds(const model_shape& s) {
    return shaped_like<Network, network> && is_rms_norm<typename Network::norm> && std::same_as<typename Network::mlp, network::mlp> &&
           token_types_of<Network>(s) == 0 && s.attention_scale == 0 && !s.scale_by_depth && s.residual_multiplier == 1;
  }
  template <class Network> static constexpr tensor_names names() {
    return {name,
            llama_files::model,
            llama_files::stack,
            "model.",
            {},
            Network::head::tied ? std::span<const tied_name>(llama_files::tied) : std::span<const tied_name>(),
            llama_files::constants};
  }
  static constexpr std::string_view architecture(bool) { return "LlamaForCausalLM"; }
  static constexpr int neurons(int width) { return llama_neurons(width); }
  template <class Network, class Visitor> static void config(Visitor& visit, model_shape& s) {
    visit.size("layers", "num_hidden_layers", s.layers);
    visit.size("width", "hidden_size", s.width);
    visit.size("heads", "num_attention_heads", s.heads);
    visit.size("kv-heads", "num_key_value_heads", s.kv_heads, s.heads);
    visit.size("neurons", "intermediate_size", s.neurons);
    visit.size("vocab", "vocab_size", s.vocab);
    visit.size("context", "max_position_embeddings", s.context);
    visit.checked("head_dim", {s.head_width(), config_value()});
    visit.alias("head_dim", s.head_width());
    visit.number("rms_norm_eps", s.norm_eps, 1e-6);
    visit.rotary(s.rotary_base, s.rotary_stretch, network::positions::base);
    visit.only("hidden_act", {"silu", "swish"});
    visit.policy("tie_word_embeddings", false, {Network::head::tied});
    for (const char* biases : {"attention_bias", "mlp_bias"}) visit.only(biases, {false});
    for (const char* window : {"sliding_window", "layer_types"}) visit.checked(window, {config_value()});
    visit.rate("attention_dropout", s.dropout.attention, 0);
    for (const char* id : {"bos_token_id", "eos_token_id"}) visit.id(id, &vocabulary::end_of_text);
  }
  /// The same for every matrix, whatever the depth [hf].
  static double deviation(initializer kind, const model_shape& s) { return bert_deviation(kind, s); }
};

}  // namespace raptr
