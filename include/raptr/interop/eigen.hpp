// SPDX-License-Identifier: Apache-2.0
// Weights, gradients, moments and logits as Eigen matrices, and batches from a matrix of ids. A view shows the numbers where they are and as
// they are: row-major, all rows of a unit together, so query, key and value of a head are neighbours. A canonical copy has the name and
// the shape that files have.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <raptr/backend/eigen/core.hpp>
#include <raptr/interop/error.hpp>
#include <raptr/models/family.hpp>
#include <raptr/nn/transformer.hpp>
#include <raptr/train/inspection.hpp>

namespace raptr {

/// The devices whose memory the host reads. Specialise it for your own device if it is one of them.
template <class Device> inline constexpr bool has_host_memory = std::same_as<Device, cpu> || std::same_as<Device, eigen>;

template <class T> using row_major_matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// A read-only matrix in the memory of a model, valid as long as that. A vector is one column. Assigned to a matrix of any storage order it
/// is copied; as a Map of another kind it does not compile.
template <class T> class tensor_view : public Eigen::Map<const row_major_matrix<T>> {
 public:
  using map = Eigen::Map<const row_major_matrix<T>>;
  using map::map;
  template <class Other, int Alignment, class Stride> operator Eigen::Map<Other, Alignment, Stride>() const {
    static_assert(std::same_as<Other, void>,
                  "raptr: a view is a Map of a row-major matrix of const numbers: keep it as auto, or copy it into a matrix of any storage order");
  }
};

/// The gradient of the units that train in a step.
template <class T> struct packed_gradient {
  tensor_view<T> rows;     // (units.size() * rows of a unit, width): the rows of each of these units, one below the other
  std::vector<int> units;  // their numbers, ascending; empty: dropped. {0}: a weight that belongs to no unit, such as the gain of a norm
};

namespace detail {

template <class Model> inline constexpr bool is_in_host_memory = false;
template <class Block, class Objective, class Device>
inline constexpr bool is_in_host_memory<transformer<Block, Objective, Device>> = has_host_memory<Device>;

template <class Model> void check_viewed(const Model& model) {
  static_assert(is_in_host_memory<Model>,
                "raptr: the memory of this device is not the host's, so there are no views of it: use get_weights(), predict() and download(), or "
                "raptr::cpu or raptr::eigen");
  if (!model.initialised()) errors::weights_are_not_initialised();
}
/// The place of `name` in a list. text(element): its name.
template <class List, class Text> std::size_t place_of(const std::string& what, std::string_view name, const List& list, Text text) {
  std::vector<std::string> names;
  for (const auto& one : list) {
    names.push_back(text(one));
    if (names.back() == name) return names.size() - 1;
  }
  errors::name_does_not_exist(what, name, names);
}
inline std::size_t weight_index(const weight_layout& layout, std::string_view name) {
  return place_of("weight", name, layout.all(), [](const placed_weight& w) { return w.full_name(); });
}
/// All units of a weight in an arena.
template <class T> tensor_view<T> view_in(const T* arena, const placed_weight& w) {
  return {arena + w.first, Eigen::Index{w.units} * w.what.rows(), Eigen::Index{w.what.width}};
}
template <class Trainer> int moment_index(const Trainer& trainer, std::string_view name) {
  using rule = std::remove_cvref_t<decltype(trainer.optimizer().rule())>;
  std::vector<std::string> names;
  if constexpr (rule::moments > 0) names.assign(std::begin(rule::moment_names), std::end(rule::moment_names));
  return static_cast<int>(place_of("moment", name, names, [](const std::string& one) { return one; }));
}
template <class Model> std::vector<file_tensor> canonical_tensors(const Model& model) {
  return file_tensors(model.layout(), names_of<typename Model::block>(model.shape()));
}
template <class Model> file_tensor canonical_tensor(const Model& model, std::string_view name) {
  std::vector<file_tensor> all = canonical_tensors(model);
  return std::move(all[place_of("tensor", name, all, [](const file_tensor& t) { return t.name; })]);
}
template <class T> row_major_matrix<T> canonical_copy(const file_tensor& tensor, const T* arena) {
  row_major_matrix<T> copy(tensor.transposed ? tensor.width : tensor.rows, tensor.transposed ? tensor.rows : tensor.width);
  tensor.each([&](std::size_t ours, std::size_t theirs) { copy.data()[theirs] = arena[ours]; });
  return copy;
}
/// The values of an expression, as numbers of type T, if it has the shape of `name`.
template <class T, class Derived>
row_major_matrix<T> values_of(const Eigen::DenseBase<Derived>& expression, const std::string& name, Eigen::Index rows, Eigen::Index columns) {
  if (expression.rows() != rows || expression.cols() != columns)
    errors::matrix_has_another_shape(name, rows, columns, expression.rows(), expression.cols());
  return expression.derived().template cast<T>().matrix();
}

}  // namespace detail

/// The names of a model's weights, for the functions below: "tokens", "block 3 mlp up".
inline std::vector<std::string> weight_names(const weight_layout& layout) {
  std::vector<std::string> names;
  for (const placed_weight& w : layout.all()) names.push_back(w.full_name());
  return names;
}
/// A weight, (units * rows of a unit, width). All functions throw input_error for a name that does not exist.
template <class Model> auto weight_view(const Model& model, std::string_view name) {
  detail::check_viewed(model);
  return detail::view_in<typename Model::master>(model.weights(), model.layout().all()[detail::weight_index(model.layout(), name)]);
}
/// Between model.begin(plan) and the next begin(), and throws input_error outside: the sum over the micro-batches so far.
template <class Model> auto gradient_view(const Model& model, std::string_view name) {
  using master = typename Model::master;
  detail::check_viewed(model);
  const std::size_t k = detail::weight_index(model.layout(), name);
  if (!model.has_gradients()) errors::gradient_does_not_exist(std::string(name));
  const placed_weight& w = model.layout().all()[k];
  const active_weight& active = model.active().weights[k];
  packed_gradient<master> gradient{{model.gradients() + active.packed, Eigen::Index{active.units} * w.what.rows(), Eigen::Index{w.what.width}}, {}};
  for (const param_range& kept : model.active().kept)
    if (kept.tensor == static_cast<int>(k))
      for (std::int64_t unit = 0; unit < kept.length / w.per_unit; ++unit) gradient.units.push_back(kept.unit - w.unit + static_cast<int>(unit));
  return gradient;
}
/// In the hook of trainer.inspect().
template <class Model> auto gradient_view(const inspection<Model>& step, std::string_view name) { return gradient_view(step.model(), name); }
/// A moment of a weight, shaped like it. moment: its name in files, such as "exp_avg" of adamw.
template <class Trainer> auto moment_view(const Trainer& trainer, std::string_view moment, std::string_view name) {
  detail::check_viewed(trainer.model());
  const int k = detail::moment_index(trainer, moment);
  const weight_layout& layout = trainer.model().layout();
  const auto* const arena = trainer.optimizer().moment(k);
  return detail::view_in(arena, layout.all()[detail::weight_index(layout, name)]);
}
/// What predict() of this model returned, (targets, V).
template <class Model> auto logits_view(const Model& model, const std::vector<typename Model::real>& logits) {
  const auto vocab = static_cast<std::size_t>(model.shape().vocab);
  if (logits.size() % vocab != 0) errors::numbers_are_not_logits(logits.size(), model.shape().vocab);
  return tensor_view<typename Model::real>(logits.data(), static_cast<Eigen::Index>(logits.size() / vocab), model.shape().vocab);
}
template <class Model> void logits_view(const Model&, std::vector<typename Model::real>&&) = delete;  // the view would outlive them

/// Sets a weight, of any device, to the values of an expression; they may be computed from the weight itself. Between two steps. Throws
/// input_error if the model has no weights yet or the shape is another one.
template <class Model, class Derived> void set_weight(Model& model, std::string_view name, const Eigen::DenseBase<Derived>& expression) {
  using master = typename Model::master;
  if (!model.initialised()) errors::weights_are_not_initialised();
  const placed_weight& w = model.layout().all()[detail::weight_index(model.layout(), name)];
  const auto values = detail::values_of<master>(expression, w.full_name(), Eigen::Index{w.units} * w.what.rows(), w.what.width);
  model.ops().upload(model.weights() + w.first, values.data(), static_cast<std::size_t>(values.size()));
}

/// The names of a model's tensors in files: those of its family, such as "transformer.h.3.mlp.c_fc.weight", or raptr's own.
template <class Model> std::vector<std::string> canonical_names(const Model& model) {
  std::vector<std::string> names;
  for (const file_tensor& t : detail::canonical_tensors(model)) names.push_back(t.name);
  return names;
}
/// A copy with the name and the shape that a tensor has in files. A vector is one column.
template <class Model> auto canonical(const Model& model, std::string_view name) {
  detail::check_viewed(model);
  return detail::canonical_copy<typename Model::master>(detail::canonical_tensor(model, name), model.weights());
}
/// The same of a moment.
template <class Trainer> auto canonical_moment(const Trainer& trainer, std::string_view moment, std::string_view name) {
  detail::check_viewed(trainer.model());
  const auto* const arena = trainer.optimizer().moment(detail::moment_index(trainer, moment));
  return detail::canonical_copy(detail::canonical_tensor(trainer.model(), name), arena);
}
/// Sets a tensor by its name and shape in files, of any device. As set_weight().
template <class Model, class Derived> void set_canonical(Model& model, std::string_view name, const Eigen::DenseBase<Derived>& expression) {
  using master = typename Model::master;
  const file_tensor tensor = detail::canonical_tensor(model, name);
  const auto shape = tensor.shape();
  const auto values = detail::values_of<master>(expression, tensor.name, shape[0], shape.size() > 1 ? shape[1] : 1);
  std::vector<master> weights = model.get_weights();
  tensor.each([&](std::size_t ours, std::size_t theirs) { weights[ours] = values.data()[theirs]; });
  model.set_weights(weights);
}

/// A batch of a model's objective whose sequences are the rows of a matrix or an expression of whole numbers, in any storage order. Its
/// normaliser is that of a step of one batch. seed and first: of the masks of masked_lm. Throws input_error for an id outside the vocabulary.
template <class Model, class Derived>
batch batch_of(const Model& model, const Eigen::DenseBase<Derived>& ids, const vocabulary& tokens, std::uint64_t seed = 0, std::int64_t first = 0) {
  static_assert(std::integral<typename Derived::Scalar>,
                "raptr: ids are whole numbers: give a matrix of int or std::int64_t, such as Eigen::MatrixXi");
  const auto& values = ids.derived().eval();
  batch data;
  std::vector<std::int32_t> row(static_cast<std::size_t>(values.cols()));
  for (Eigen::Index r = 0; r < values.rows(); ++r) {
    for (Eigen::Index c = 0; c < values.cols(); ++c) {
      const auto id = values(r, c);
      if (!std::in_range<std::int32_t>(id) || id < 0 || static_cast<std::int32_t>(id) >= tokens.size)
        errors::id_is_outside_the_vocabulary(std::to_string(id), r, c, tokens.size);
      row[static_cast<std::size_t>(c)] = static_cast<std::int32_t>(id);
    }
    model.objective().add(data, row, tokens, seed, first + r);
  }
  data.normaliser = data.target_weight();
  return data;
}

}  // namespace raptr
