// SPDX-License-Identifier: Apache-2.0
// BERT: its block, and the names and shapes of its weights in the files of Hugging Face [hf].
#pragma once

#include <array>
#include <string_view>

#include <raptr/models/tensor_names.hpp>
#include <raptr/nn/block.hpp>

namespace raptr {

struct bert_block : preset<bert_layer_norm, full_attention, gelu_erf_mlp, post_norm, token_types<2>, fp32> {};

namespace bert_files {  // [hf]: weights as (out, in)
inline constexpr std::array model{tensor_name{"embed_tokens.weight", "bert.embeddings.word_embeddings.weight"},
                                  tensor_name{"embed_positions.weight", "bert.embeddings.position_embeddings.weight"},
                                  tensor_name{"embed_norm.weight", "bert.embeddings.LayerNorm.weight"},
                                  tensor_name{"embed_norm.bias", "bert.embeddings.LayerNorm.bias"},
                                  tensor_name{"transform.weight", "cls.predictions.transform.dense.weight"},
                                  tensor_name{"transform.bias", "cls.predictions.transform.dense.bias"},
                                  tensor_name{"transform_norm.weight", "cls.predictions.transform.LayerNorm.weight"},
                                  tensor_name{"transform_norm.bias", "cls.predictions.transform.LayerNorm.bias"},
                                  tensor_name{"output.bias", "cls.predictions.bias"},
                                  tensor_name{"embed_token_types.weight", "bert.embeddings.token_type_embeddings.weight"}};
inline constexpr std::array parts{tensor_name{"attention.norm.weight", "attention.output.LayerNorm.weight"},
                                  tensor_name{"attention.norm.bias", "attention.output.LayerNorm.bias"},
                                  tensor_name{"attention.q_proj.weight", "attention.self.query.weight"},
                                  tensor_name{"attention.k_proj.weight", "attention.self.key.weight"},
                                  tensor_name{"attention.v_proj.weight", "attention.self.value.weight"},
                                  tensor_name{"attention.q_proj.bias", "attention.self.query.bias"},
                                  tensor_name{"attention.k_proj.bias", "attention.self.key.bias"},
                                  tensor_name{"attention.v_proj.bias", "attention.self.value.bias"},
                                  tensor_name{"attention.o_proj.weight", "attention.output.dense.weight", true},
                                  tensor_name{"attention.o_proj.bias", "attention.output.dense.bias"},
                                  tensor_name{"mlp.norm.weight", "output.LayerNorm.weight"},
                                  tensor_name{"mlp.norm.bias", "output.LayerNorm.bias"},
                                  tensor_name{"mlp.up_proj.weight", "intermediate.dense.weight"},
                                  tensor_name{"mlp.up_proj.bias", "intermediate.dense.bias"},
                                  tensor_name{"mlp.down_proj.weight", "output.dense.weight", true},
                                  tensor_name{"mlp.down_proj.bias", "output.dense.bias"}};
inline constexpr std::array untrained{untrained_layer{"bert.pooler.dense", 0}, untrained_layer{"cls.seq_relationship", 2}};
inline constexpr std::array tied{tied_name{"cls.predictions.decoder.weight", "bert.embeddings.word_embeddings.weight"},
                                 tied_name{"cls.predictions.decoder.bias", "cls.predictions.bias"}};
inline constexpr std::array<std::string_view, 2> constants{"bert.embeddings.position_ids", "bert.embeddings.token_type_ids"};
}  // namespace bert_files
inline constexpr tensor_names bert_names{
    "bert", "bert.encoder.layer.", bert_files::model, bert_files::parts, "bert.", bert_files::untrained, bert_files::tied, {}, bert_files::constants};

}  // namespace raptr
