// SPDX-License-Identifier: Apache-2.0
// GPT-2: its block, and the names and shapes of its weights in the files of Hugging Face [hf].
#pragma once

#include <array>
#include <string_view>

#include <raptr/models/tensor_names.hpp>
#include <raptr/nn/block.hpp>

namespace raptr {

struct gpt2_block : preset<layer_norm, causal_attention, gelu_mlp, pre_norm, token_types<0>, fp32> {};

namespace gpt2_files {  // [hf]: weights as (in, out); query, key and value joined
inline constexpr std::array model{
    tensor_name{"embed_tokens.weight", "transformer.wte.weight"}, tensor_name{"embed_positions.weight", "transformer.wpe.weight"},
    tensor_name{"final_norm.weight", "transformer.ln_f.weight"}, tensor_name{"final_norm.bias", "transformer.ln_f.bias"}};
inline constexpr std::array parts{tensor_name{"attention.norm.weight", "ln_1.weight"},
                                  tensor_name{"attention.norm.bias", "ln_1.bias"},
                                  tensor_name{"attention.q_proj.weight", "attn.c_attn.weight", true},
                                  tensor_name{"attention.k_proj.weight", "attn.c_attn.weight", true},
                                  tensor_name{"attention.v_proj.weight", "attn.c_attn.weight", true},
                                  tensor_name{"attention.q_proj.bias", "attn.c_attn.bias"},
                                  tensor_name{"attention.k_proj.bias", "attn.c_attn.bias"},
                                  tensor_name{"attention.v_proj.bias", "attn.c_attn.bias"},
                                  tensor_name{"attention.o_proj.weight", "attn.c_proj.weight"},
                                  tensor_name{"attention.o_proj.bias", "attn.c_proj.bias"},
                                  tensor_name{"mlp.norm.weight", "ln_2.weight"},
                                  tensor_name{"mlp.norm.bias", "ln_2.bias"},
                                  tensor_name{"mlp.up_proj.weight", "mlp.c_fc.weight", true},
                                  tensor_name{"mlp.up_proj.bias", "mlp.c_fc.bias"},
                                  tensor_name{"mlp.down_proj.weight", "mlp.c_proj.weight"},
                                  tensor_name{"mlp.down_proj.bias", "mlp.c_proj.bias"}};
inline constexpr std::array tied{tied_name{"lm_head.weight", "transformer.wte.weight"}};
inline constexpr std::array<std::string_view, 2> buffers{"attn.bias", "attn.masked_bias"};
}  // namespace gpt2_files
inline constexpr tensor_names gpt2_names{"gpt2", "transformer.h.", gpt2_files::model,  gpt2_files::parts, "transformer.",
                                         {},     gpt2_files::tied, gpt2_files::buffers};

}  // namespace raptr
