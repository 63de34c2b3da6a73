// SPDX-License-Identifier: Apache-2.0
// The sizes and numbers of a model. An aggregate, so that a user names only what differs from the defaults, and a structural
// type, so that a shape can be a template argument.
#pragma once

#include <raptr/subnet/error.hpp>

namespace raptr {

/// The nearest divisor of n that is at most, or at least, d; 0 if there is none.
constexpr int divisor_below(int n, int d) {
  for (d = d < n ? d : n; d > 0 && n % d; --d) {
  }
  return d;
}
constexpr int divisor_above(int n, int d) {
  for (; d < n && n % d; ++d) {
  }
  return d <= n ? d : 0;
}

/// How the frequencies of rotary positions are stretched for a context longer than that of pretraining. Without `context` all are divided by
/// factor ("linear" [hf]). With it, those that turn at most `slow` times within `context` positions are; those that turn at least `fast`
/// times stay, and those between change gradually ("llama3" [hf]).
struct rotary_scaling {
  double factor = 1;
  int context = 0;
  double slow = 1, fast = 4;

  constexpr void check() const {
    if (!(factor >= 1 && factor <= 1e6)) errors::number_is_out_of_range("rotary_scaling::factor", factor, "a number from 1 to 1000000");
    if (context < 0) errors::number_is_out_of_range("rotary_scaling::context", context, "the context of pretraining, or 0");
    if (!(slow > 0 && slow <= 1e6)) errors::number_is_out_of_range("rotary_scaling::slow", slow, "a number above 0 and up to 1000000");
    if (!(fast > slow && fast <= 1e6)) errors::number_is_out_of_range("rotary_scaling::fast", fast, "a number above the slow one and up to 1000000");
    constexpr double usual_slow = 1, usual_fast = 4;
    if (factor == 1 && context > 0) errors::number_has_no_use("rotary_scaling::context", context, "a factor above 1");
    if (context == 0 && slow != usual_slow) errors::number_has_no_use("rotary_scaling::slow", slow, "the context of pretraining");
    if (context == 0 && fast != usual_fast) errors::number_has_no_use("rotary_scaling::fast", fast, "the context of pretraining");
  }
  bool operator==(const rotary_scaling&) const = default;
};

/// Shares of numbers that a training pass drops; the others are divided by 1 - rate. An evaluation drops nothing.
struct dropout_rates {
  double embedding = 0;  // of the rows that enter the first block
  double residual = 0;   // of what each part adds to the residual stream
  double attention = 0;  // of the probabilities of attention

  constexpr void check() const {
    if (!(embedding >= 0 && embedding < 1)) errors::number_is_out_of_range("dropout_rates::embedding", embedding, "a share from 0 to below 1");
    if (!(residual >= 0 && residual < 1)) errors::number_is_out_of_range("dropout_rates::residual", residual, "a share from 0 to below 1");
    if (!(attention >= 0 && attention < 1)) errors::number_is_out_of_range("dropout_rates::attention", attention, "a share from 0 to below 1");
  }
  bool operator==(const dropout_rates&) const = default;
};

struct model_shape {
  int layers = 12, width = 768, heads = 12;
  int kv_heads = 0;       // key-value groups, each shared by heads / kv_heads query heads; 0: as many as heads
  int neurons = 0;        // of the mlp; 0: four times the width
  int neuron_group = 16;  // neurons that are kept or dropped together
  int vocab = 30522, context = 512;
  int token_types = 0;             // rows of the embedding of token types; 0: as many as the block has
  double norm_eps = 0;             // in units of x^2; 0: that of the block's norm
  double attention_scale = 0;      // factor on query times key; 0: 1 / sqrt(head_width())
  bool scale_by_depth = false;     // attention of block b also times 1 / (b + 1)
  double residual_multiplier = 1;  // factor on what each part adds to the residual stream
  double rotary_base = 0;          // of rotary positions; 0: that of the block's positions
  rotary_scaling rotary_stretch{};
  dropout_rates dropout{};

  /// Limit of width and heads: four times the width fits in an int, and the search for a divisor is short.
  static constexpr int largest_size = 1 << 24;

  constexpr int neuron_count() const { return neurons ? neurons : 4 * width; }
  constexpr int head_width() const { return width / heads; }
  constexpr int head_groups() const { return kv_heads ? kv_heads : heads; }
  constexpr int queries_per_group() const { return heads / head_groups(); }
  constexpr int neuron_groups() const { return neuron_count() / neuron_group; }

  /// Throws input_error if a size is not positive, is too large or does not divide evenly: heads must divide the width, key-value
  /// groups the heads, neuron_group the neurons; or if a number is out of range.
  constexpr void check() const {
    if (layers < 1) errors::size_is_not_positive("layers", layers);
    if (width < 1) errors::size_is_not_positive("width", width);
    if (heads < 1) errors::size_is_not_positive("heads", heads);
    if (kv_heads < 0 || kv_heads > heads) errors::kv_heads_are_out_of_range(kv_heads, heads);
    if (neurons < 0) errors::neurons_are_negative(neurons);
    if (neuron_group < 1) errors::size_is_not_positive("neuron_group", neuron_group);
    if (vocab < 1) errors::size_is_not_positive("vocab", vocab);
    if (context < 1) errors::size_is_not_positive("context", context);
    if (token_types < 0) errors::number_is_negative("token_types", token_types);
    if (!(norm_eps >= 0 && norm_eps < 1)) errors::number_is_out_of_range("model_shape::norm_eps", norm_eps, "a number from 0 to below 1");
    if (!(attention_scale >= 0 && attention_scale <= 1e6))
      errors::number_is_out_of_range("model_shape::attention_scale", attention_scale, "a number from 0 to 1000000");
    if (!(residual_multiplier > 0 && residual_multiplier <= 1e6))
      errors::number_is_out_of_range("model_shape::residual_multiplier", residual_multiplier, "a number above 0 and up to 1000000");
    if (!(rotary_base == 0 || (rotary_base > 1 && rotary_base <= 1e12)))
      errors::number_is_out_of_range("model_shape::rotary_base", rotary_base, "0, or a number above 1 and up to 1e12");
    rotary_stretch.check(), dropout.check();
    if (width > largest_size) errors::size_is_too_large("width", width, largest_size);
    if (neurons > 4 * largest_size) errors::size_is_too_large("neurons", neurons, 4 * largest_size);
    if (heads > largest_size) errors::size_is_too_large("heads", heads, largest_size);
    if (width % heads) errors::heads_do_not_divide_width(width, heads, divisor_below(width, heads), divisor_above(width, heads));
    if (heads % head_groups())
      errors::groups_do_not_divide("heads", heads, "kv_heads", kv_heads, divisor_below(heads, kv_heads), divisor_above(heads, kv_heads));
    if (neuron_count() % neuron_group)
      errors::groups_do_not_divide("neurons", neuron_count(), "neuron_group", neuron_group, divisor_below(neuron_count(), neuron_group),
                                   divisor_above(neuron_count(), neuron_group));
  }
  bool operator==(const model_shape&) const = default;
};

/// The neuron_group where none is chosen: the largest divisor of its neurons up to the default.
constexpr int default_neuron_group(int neurons) { return divisor_below(neurons, model_shape{}.neuron_group); }

inline constexpr model_shape bert_base{};
inline constexpr model_shape gpt2_small{.vocab = 50257, .context = 1024};
inline constexpr model_shape gpt_small{.layers = 12, .width = 256, .heads = 4, .vocab = 8192, .context = 128};

}  // namespace raptr
