// SPDX-License-Identifier: Apache-2.0
// The sizes of a model, as numbers. An aggregate, so that a user names only what differs, and a structural type, so that
// a shape can be a template argument.
#pragma once

#include <raptr/subnet/error.hpp>

namespace raptr {

struct model_shape {
  int layers = 12, width = 768, heads = 12;
  int neurons = 0;  // of the mlp; 0: four times the width
  int vocab = 30522, context = 512;

  constexpr int neuron_count() const { return neurons ? neurons : 4 * width; }
  constexpr int head_width() const { return width / heads; }

  /// Throws input_error if a size is not positive or the heads do not divide the width.
  constexpr void check() const {
    if (layers < 1) errors::size_is_not_positive("layers", layers);
    if (width < 1) errors::size_is_not_positive("width", width);
    if (heads < 1) errors::size_is_not_positive("heads", heads);
    if (neurons < 0) errors::neurons_are_negative(neurons);
    if (vocab < 1) errors::size_is_not_positive("vocab", vocab);
    if (context < 1) errors::size_is_not_positive("context", context);
    if (width % heads == 0) return;
    int below = heads < width ? heads : width, above = heads;
    while (width % below) --below;
    while (above < width && width % above) ++above;
    errors::heads_do_not_divide_width(width, heads, below, above <= width ? above : 0);
  }
  bool operator==(const model_shape&) const = default;
};

inline constexpr model_shape bert_base{};
inline constexpr model_shape gpt2_small{.vocab = 50257, .context = 1024};
inline constexpr model_shape gpt_small{.layers = 12, .width = 256, .heads = 4, .vocab = 8192, .context = 128};

}  // namespace raptr
