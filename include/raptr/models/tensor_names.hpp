// SPDX-License-Identifier: Apache-2.0
// How the weights of a model are named and laid out in files: by its family, so that other tools open them, or else as its parts
// declare them. Native layouts are never written to a file, so they may change, and checkpoints move between backends.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <raptr/nn/untrained_tensor.hpp>
#include <raptr/nn/weight_layout.hpp>

namespace raptr {

/// A tensor of a file: strips of rows of an arena, one below the other, transposed if the file has it so.
struct file_tensor {
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

/// ours -> theirs. Parts of one weight with the same name are joined in the order of their declaration.
struct tensor_name {
  std::string_view ours, theirs;
  bool transposed = false;
};

/// A layer of the files that no objective here trains, with its weight (outputs, C) and its bias. outputs 0: C.
struct untrained_layer {
  std::string_view name;
  int outputs;
};
/// A second name of a weight. ignored: a file may hold another tensor of that name, which nothing reads if the first is there.
struct tied_name {
  std::string_view second, of;
  bool ignored = false;
};

/// How the weights of a stack of blocks are named: `block` stands before the number of a block. buffers: constants of each block
/// that other tools write.
struct stack_names {
  std::string_view block;
  std::span<const tensor_name> parts{};
  std::span<const std::string_view> buffers{};
};
/// How the weights of a model are named, the model's own and those of each of its stacks. Unlisted tensors keep raptr's name. The
/// rest describes what other tools do with files of the family: leave out `prefix`, write a weight twice (`tied`), write constants.
struct tensor_names {
  std::string_view family;
  std::span<const tensor_name> model;
  std::span<const stack_names> stacks;
  std::string_view prefix{};
  std::span<const untrained_layer> untrained{};
  std::span<const tied_name> tied{};
  std::span<const std::string_view> constants{};
};

/// As declared by the parts.
inline constexpr stack_names own_stack[]{{"blocks."}};
inline constexpr tensor_names own_names{"raptr", {}, own_stack};

/// The tensors of the untrained layers that `is_there(name)` has a part of, without values. Both of a layer or none.
template <class T, class F> std::vector<untrained_tensor<T>> untrained_tensors(const tensor_names& names, int width, F is_there) {
  std::vector<untrained_tensor<T>> all;
  for (const untrained_layer& layer : names.untrained) {
    const std::int64_t outputs = layer.outputs ? layer.outputs : width;
    const std::string weight = std::string(layer.name) + ".weight", bias = std::string(layer.name) + ".bias";
    if (is_there(weight) || is_there(bias)) all.push_back({weight, {outputs, width}, {}}), all.push_back({bias, {outputs}, {}});
  }
  return all;
}

/// The tensors of a model of one stack, in the order of the layout.
///
///   number(block)  of a block in the files, as std::optional<int>; nullopt: it is not there. block -1: the model's own weights
template <class Number> std::vector<file_tensor> file_tensors(const weight_layout& layout, const tensor_names& names, Number number) {
  std::vector<file_tensor> all;
  const stack_names& stack = names.stacks.front();
  for (const placed_weight& w : layout.all()) {
    const std::optional<int> block = number(w.block);
    if (!block) continue;
    std::int64_t row = 0;  // of a unit
    for (const tensor_rows& t : w.what.tensors) {
      const std::string ours = w.block < 0 ? t.name : w.part_name + "." + t.name;
      tensor_name known{ours, ours};
      for (const tensor_name& n : w.block < 0 ? names.model : stack.parts)
        if (n.ours == ours) known = n;
      const std::string name =
          w.block < 0 ? std::string(known.theirs) : std::string(stack.block) + std::to_string(*block) + "." + std::string(known.theirs);
      if (all.empty() || all.back().name != name) all.push_back({name, 0, w.what.width, known.transposed, {}});
      for (int unit = 0; unit < w.units; ++unit) {
        all.back().strips.push_back({w.first + unit * w.per_unit + row * w.what.width, t.rows});
        all.back().rows += t.rows;
      }
      row += t.rows;
    }
  }
  return all;
}
inline std::vector<file_tensor> file_tensors(const weight_layout& layout, const tensor_names& names) {
  return file_tensors(layout, names, [](int block) { return std::optional<int>(block); });
}

}  // namespace raptr
