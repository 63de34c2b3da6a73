// SPDX-License-Identifier: Apache-2.0
// How the weights of a model are named and laid out in files. A GPT-2 or BERT has the names and shapes of the Hugging
// Face checkpoints, so that other tools open it; any other block has the names of its own parts. Native layouts never
// reach a file, so they may change, and any backend continues what another one wrote.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include <raptr/nn/block.hpp>
#include <raptr/nn/objectives.hpp>

namespace raptr {

/// A tensor of a file: strips of rows of an arena, one below the other, transposed if the file has it so.
struct published_tensor {
  struct strip {
    std::int64_t first;  // element of the arena
    int rows;
  };
  std::string name;
  int rows = 0, width = 0;  // as in the arena; width 1: a vector
  bool transposed = false;
  std::vector<strip> strips;

  std::vector<std::int64_t> shape() const {
    if (width == 1) return {rows};
    return transposed ? std::vector<std::int64_t>{width, rows} : std::vector<std::int64_t>{rows, width};
  }
  std::size_t size() const { return static_cast<std::size_t>(rows) * static_cast<std::size_t>(width); }

  /// Calls f(element of the arena, element of the file) for every element.
  template <class F> void each(F f) const {
    std::int64_t row = 0;
    for (const strip& s : strips)
      for (int r = 0; r < s.rows; ++r, ++row)
        for (int i = 0; i < width; ++i)
          f(static_cast<std::size_t>(s.first + std::int64_t{r} * width + i),
            static_cast<std::size_t>(transposed ? i * std::int64_t{rows} + row : row * width + i));
  }
};

/// ours -> theirs. Pieces of one weight with the same name are joined in the order of their declaration.
struct published_name {
  std::string_view ours, theirs;
  bool transposed = false;
};

/// A layer of the files that no objective here trains, with its weight (outputs, C) and its bias. outputs 0: C.
struct untrained_layer {
  std::string_view name;
  int outputs;
};
/// A second name of a weight.
struct tied_name {
  std::string_view second, of;
};

/// How the weights of a model are named: `block` stands before the number of a block. What is not listed keeps our name. The
/// rest is what other tools may do with files of the family: leave out `prefix`, write a weight twice (`tied`), write constants
/// (`buffers`: of a block, `constants`: of the model).
struct published_names {
  std::string_view family, block;
  std::span<const published_name> model, parts;
  std::string_view prefix{};
  std::span<const untrained_layer> untrained{};
  std::span<const tied_name> tied{};
  std::span<const std::string_view> buffers{}, constants{};
};

/// A tensor of an untrained layer, as it came from a file.
template <class T> struct untrained_tensor {
  std::string name;
  std::vector<std::int64_t> shape;
  std::vector<T> values;
  bool operator==(const untrained_tensor&) const = default;
};

namespace gpt2_files {  // [hf]: weights as (in, out); query, key and value joined
inline constexpr std::array model{
    published_name{"embed_tokens.weight", "transformer.wte.weight"}, published_name{"embed_positions.weight", "transformer.wpe.weight"},
    published_name{"final_norm.weight", "transformer.ln_f.weight"}, published_name{"final_norm.bias", "transformer.ln_f.bias"}};
inline constexpr std::array parts{published_name{"attention.norm.weight", "ln_1.weight"},
                                  published_name{"attention.norm.bias", "ln_1.bias"},
                                  published_name{"attention.q_proj.weight", "attn.c_attn.weight", true},
                                  published_name{"attention.k_proj.weight", "attn.c_attn.weight", true},
                                  published_name{"attention.v_proj.weight", "attn.c_attn.weight", true},
                                  published_name{"attention.q_proj.bias", "attn.c_attn.bias"},
                                  published_name{"attention.k_proj.bias", "attn.c_attn.bias"},
                                  published_name{"attention.v_proj.bias", "attn.c_attn.bias"},
                                  published_name{"attention.o_proj.weight", "attn.c_proj.weight"},
                                  published_name{"attention.o_proj.bias", "attn.c_proj.bias"},
                                  published_name{"mlp.norm.weight", "ln_2.weight"},
                                  published_name{"mlp.norm.bias", "ln_2.bias"},
                                  published_name{"mlp.up_proj.weight", "mlp.c_fc.weight", true},
                                  published_name{"mlp.up_proj.bias", "mlp.c_fc.bias"},
                                  published_name{"mlp.down_proj.weight", "mlp.c_proj.weight"},
                                  published_name{"mlp.down_proj.bias", "mlp.c_proj.bias"}};
inline constexpr std::array tied{tied_name{"lm_head.weight", "transformer.wte.weight"}};
inline constexpr std::array<std::string_view, 2> buffers{"attn.bias", "attn.masked_bias"};
}  // namespace gpt2_files
inline constexpr published_names gpt2_names{"gpt2", "transformer.h.", gpt2_files::model,  gpt2_files::parts, "transformer.",
                                            {},     gpt2_files::tied, gpt2_files::buffers};

namespace bert_files {  // [hf]: weights as (out, in)
inline constexpr std::array model{published_name{"embed_tokens.weight", "bert.embeddings.word_embeddings.weight"},
                                  published_name{"embed_positions.weight", "bert.embeddings.position_embeddings.weight"},
                                  published_name{"embed_norm.weight", "bert.embeddings.LayerNorm.weight"},
                                  published_name{"embed_norm.bias", "bert.embeddings.LayerNorm.bias"},
                                  published_name{"transform.weight", "cls.predictions.transform.dense.weight"},
                                  published_name{"transform.bias", "cls.predictions.transform.dense.bias"},
                                  published_name{"transform_norm.weight", "cls.predictions.transform.LayerNorm.weight"},
                                  published_name{"transform_norm.bias", "cls.predictions.transform.LayerNorm.bias"},
                                  published_name{"output.bias", "cls.predictions.bias"},
                                  published_name{"embed_token_types.weight", "bert.embeddings.token_type_embeddings.weight"}};
inline constexpr std::array parts{published_name{"attention.norm.weight", "attention.output.LayerNorm.weight"},
                                  published_name{"attention.norm.bias", "attention.output.LayerNorm.bias"},
                                  published_name{"attention.q_proj.weight", "attention.self.query.weight"},
                                  published_name{"attention.k_proj.weight", "attention.self.key.weight"},
                                  published_name{"attention.v_proj.weight", "attention.self.value.weight"},
                                  published_name{"attention.q_proj.bias", "attention.self.query.bias"},
                                  published_name{"attention.k_proj.bias", "attention.self.key.bias"},
                                  published_name{"attention.v_proj.bias", "attention.self.value.bias"},
                                  published_name{"attention.o_proj.weight", "attention.output.dense.weight", true},
                                  published_name{"attention.o_proj.bias", "attention.output.dense.bias"},
                                  published_name{"mlp.norm.weight", "output.LayerNorm.weight"},
                                  published_name{"mlp.norm.bias", "output.LayerNorm.bias"},
                                  published_name{"mlp.up_proj.weight", "intermediate.dense.weight"},
                                  published_name{"mlp.up_proj.bias", "intermediate.dense.bias"},
                                  published_name{"mlp.down_proj.weight", "output.dense.weight", true},
                                  published_name{"mlp.down_proj.bias", "output.dense.bias"}};
inline constexpr std::array untrained{untrained_layer{"bert.pooler.dense", 0}, untrained_layer{"cls.seq_relationship", 2}};
inline constexpr std::array tied{tied_name{"cls.predictions.decoder.weight", "bert.embeddings.word_embeddings.weight"},
                                 tied_name{"cls.predictions.decoder.bias", "cls.predictions.bias"}};
inline constexpr std::array<std::string_view, 2> constants{"bert.embeddings.position_ids", "bert.embeddings.token_type_ids"};
}  // namespace bert_files
inline constexpr published_names bert_names{
    "bert", "bert.encoder.layer.", bert_files::model, bert_files::parts, "bert.", bert_files::untrained, bert_files::tied, {}, bert_files::constants};

/// As declared by the parts.
inline constexpr published_names own_names{"raptr", "blocks.", {}, {}};

template <class A, class B>
concept same_but_for_precision = std::same_as<typename A::norm, typename B::norm> && std::same_as<typename A::attention, typename B::attention> &&
    std::same_as<typename A::mlp, typename B::mlp> && std::same_as<typename A::residual, typename B::residual> &&
    std::same_as<typename A::embedding, typename B::embedding>;
template <class Block, class Objective>
concept gpt2_like = same_but_for_precision<Block, gpt2_block> && !Objective::transforms;
template <class Block, class Objective>
concept bert_like = same_but_for_precision<Block, bert_block> && Objective::transforms;

/// The names of a model of this block, objective and shape. The files of GPT-2 and BERT know no shared keys and values, so a
/// model that has them keeps its own names.
template <class Block, class Objective> constexpr published_names names_of(const model_shape& shape) {
  const bool shared = shape.head_groups() != shape.heads;
  if (gpt2_like<Block, Objective> && !shared) return gpt2_names;
  if (bert_like<Block, Objective> && !shared) return bert_names;
  return own_names;
}

/// The tensors of the untrained layers that `is_there(name)` has a part of, without values. Both of a layer or none.
template <class T, class F> std::vector<untrained_tensor<T>> untrained_tensors(const published_names& names, int width, F is_there) {
  std::vector<untrained_tensor<T>> all;
  for (const untrained_layer& layer : names.untrained) {
    const std::int64_t outputs = layer.outputs ? layer.outputs : width;
    const std::string weight = std::string(layer.name) + ".weight", bias = std::string(layer.name) + ".bias";
    if (is_there(weight) || is_there(bias)) all.push_back({weight, {outputs, width}, {}}), all.push_back({bias, {outputs}, {}});
  }
  return all;
}

/// All tensors of a model, in the order of the layout.
inline std::vector<published_tensor> published_tensors(const weight_layout& layout, const published_names& names) {
  std::vector<published_tensor> all;
  for (const placed_weight& w : layout.all()) {
    std::int64_t row = 0;  // of a unit
    for (const piece& p : w.what.pieces) {
      const std::string ours = w.block < 0 ? p.name : w.part_name + "." + p.name;
      published_name known{ours, ours};
      for (const published_name& n : w.block < 0 ? names.model : names.parts)
        if (n.ours == ours) known = n;
      const std::string name =
          w.block < 0 ? std::string(known.theirs) : std::string(names.block) + std::to_string(w.block) + "." + std::string(known.theirs);
      if (all.empty() || all.back().name != name) all.push_back({name, 0, w.what.width, known.transposed, {}});
      for (int unit = 0; unit < w.units; ++unit) {
        all.back().strips.push_back({w.first + unit * w.per_unit + row * w.what.width, p.rows});
        all.back().rows += p.rows;
      }
      row += p.rows;
    }
  }
  return all;
}

}  // namespace raptr
