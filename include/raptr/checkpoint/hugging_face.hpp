// SPDX-License-Identifier: Apache-2.0
// Loads a model from a Hugging Face folder of its family, in any of the layouts of such files. There is no export function: every
// checkpoint of such a model is a Hugging Face folder (checkpoint.hpp).
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <filesystem>
#include <map>
#include <optional>
#include <ranges>
#include <set>
#include <string>
#include <vector>

#include <raptr/base/decimal.hpp>
#include <raptr/checkpoint/checkpoint.hpp>
#include <raptr/checkpoint/hugging_face_config.hpp>
#include <raptr/io/sharded_safetensors.hpp>

namespace raptr {

namespace errors {
[[noreturn]] inline void architecture_differs(const std::filesystem::path& file, std::string_view there, std::string_view here) {
  fail<file_error>(shown(file) + " is of a " + std::string(there) + ", but this model is " +
                   (here == own_names.family ? "of a block or shape that no family's files hold, such as those of gpt2_block and bert_block with a "
                                               "key and a value for every head, or those of llama_block"
                                             : "a " + std::string(here)));
}
[[noreturn]] inline void two_tensors_for_one(const std::filesystem::path& file, const std::string& first, const std::string& second) {
  fail<file_error>(shown(file) + " holds " + shown(first) + " and " + shown(second) + ", two names of the same weight");
}
[[noreturn]] inline void folder_does_not_fit(const std::filesystem::path& file, std::string_view family, const std::string& problems) {
  fail<file_error>(shown(file) + " does not match the " + std::string(family) + " of its config.json" + problems);
}
[[noreturn]] inline void tied_weights_differ(const std::filesystem::path& file, const tied_name& names, const std::string& place, double second,
                                             double of) {
  fail<file_error>(shown(file) + " has two weights where the model has one: " + std::string(names.second) + " and " + std::string(names.of) +
                   " differ, first at " + place + ", where they are " + decimal_text(second) + " and " + decimal_text(of));
}
[[noreturn]] inline void weight_is_not_finite(const std::filesystem::path& file, const std::string& tensor, std::size_t element, double value) {
  fail<file_error>(shown(file) + ", tensor " + shown(tensor) + ": element " + std::to_string(element) + " is " +
                   (std::isnan(value) ? "NaN" : "infinite in the precision of this model"));
}
}  // namespace errors

namespace detail {

/// The indices of element k, as "(3, 7)".
inline std::string place_text(const std::vector<std::int64_t>& shape, std::size_t k) {
  std::vector<std::int64_t> place(shape.size());
  for (std::size_t d = shape.size(); d-- > 0; k /= static_cast<std::size_t>(shape[d])) place[d] = static_cast<std::int64_t>(k) % shape[d];
  return shape_text(place);
}

/// The tensors of a folder under the names that checkpoints of this library use.
class hugging_face_tensors {
 public:
  using shapes = std::map<std::string, std::vector<std::int64_t>>;

  /// weights: names and shapes of all that the files must have. Throws file_error naming the missing, the unknown and those of another
  /// kind.
  hugging_face_tensors(const std::filesystem::path& folder, const tensor_names& names, int layers, int width, const shapes& weights)
      : files_(folder), names_(names), expected_(weights) {
    std::set<std::string> ignored;
    for (const std::string_view name : names.constants) ignored.emplace(name);
    for (const stack_names& stack : names.stacks)
      for (int b = 0; b < layers; ++b)
        for (const std::string_view buffer : stack.buffers) ignored.insert(std::string(stack.block) + std::to_string(b) + "." + std::string(buffer));
    shapes known = weights;
    for (const tied_name& t : names.tied) known[std::string(t.second)] = weights.at(std::string(t.of));
    for (const auto& t : untrained_tensors<float>(names, width, [](const std::string&) { return true; })) known[t.name] = t.shape;
    name_list missing, more, shapes_text, types, transposed;
    std::map<std::string, std::string> as_written;
    const auto is_known = [&](const std::string& n) { return known.contains(n) || ignored.contains(n); };
    const std::string wrapper = prefix_of_wrapper(is_known);
    for (const auto& [written, place] : files_.tensors()) {
      const std::string name = our_name(written.substr(wrapper.size()), is_known);
      if (ignored.contains(name)) continue;
      if (const auto [before, is_new] = as_written.emplace(name, written); !is_new) errors::two_tensors_for_one(path(), before->second, written);
      found_[name] = place;
      if (!known.contains(name))
        more.add(shown(written));
      else if (const auto& is = place.entry->shape, &wanted = known[name]; is != wanted)
        (std::equal(is.begin(), is.end(), wanted.rbegin(), wanted.rend()) ? transposed : shapes_text)
            .add(shown(written) + " " + shape_text(is) + " instead of " + shape_text(wanted));
      else if (!is_floating(*place.entry))
        types.add(shown(written) + " " + place.entry->dtype + " instead of F32, F64, F16 or BF16");
    }
    for (const tied_name& t : names.tied)
      if (const auto second = found_.find(std::string(t.second)); second != found_.end() && !found_.contains(std::string(t.of)))
        found_[std::string(t.of)] = second->second, found_.erase(second);
    for (const auto& t : untrained<float>(width)) expected_[t.name] = t.shape;
    for (const auto& [name, shape] : expected_)
      if (!found_.contains(name)) missing.add(name);
    std::string problems;
    if (!wrapper.empty()) problems += "; all names begin with " + shown(wrapper) + ", which a wrapper of the model adds: save the model inside of it";
    if (missing.size) problems += "; missing: " + missing.text();
    if (more.size) problems += "; not in the model: " + more.text();
    if (shapes_text.size) problems += "; of another shape: " + shapes_text.text();
    if (types.size) problems += "; of another type: " + types.text();
    if (transposed.size)
      problems += "; " + std::to_string(transposed.size) + (transposed.size == 1 ? " tensor is" : " tensors are") + " transposed, the first is " +
                  transposed.first.front();
    if (!problems.empty()) errors::folder_does_not_fit(path(), names.family, problems);
  }

  const std::filesystem::path& path() const { return files_.path(); }
  /// Without values.
  template <class T> std::vector<untrained_tensor<T>> untrained(int width) const {
    return untrained_tensors<T>(names_, width, [&](const std::string& name) { return found_.contains(name); });
  }
  template <class T> void read(const std::string& name, std::span<T> out) const {
    const sharded_safetensors::place& at = found_.at(name);
    const safetensors_reader& file = files_.file(at);
    tensor_entry entry = *at.entry;
    if (entry.shape.size() == 2 && entry.shape[1] > 0)
      entry.shape[0] = (std::min)(entry.shape[0], std::ssize(out) / entry.shape[1]);  // the first rows, of positions
    read_numbers(file, entry, out);
    const auto bad = std::ranges::find_if(out, [](T x) { return !std::isfinite(x); });
    if (bad != out.end())
      errors::weight_is_not_finite(file.path(), at.entry->name, static_cast<std::size_t>(bad - out.begin()), static_cast<double>(*bad));
  }
  /// Throws unless tied weights that are stored twice are bit-identical.
  template <class T> void check_tied_weights() const {
    for (const tied_name& t : names_.tied) {
      const std::string second(t.second), of(t.of);
      if (!found_.contains(second) || t.ignored) continue;
      const auto& shape = expected_.at(of);
      const auto size = static_cast<std::size_t>(*bytes_of_shape(shape, 1));
      std::vector<T> a(size), b(size);
      read(second, std::span<T>(a)), read(of, std::span<T>(b));
      for (std::size_t k = 0; k < size; ++k)
        if (a[k] != b[k] || std::signbit(a[k]) != std::signbit(b[k])) errors::tied_weights_differ(path(), t, place_text(shape, k), a[k], b[k]);
    }
  }

 private:
  /// Names for a message: how many there are, and the first ones.
  struct name_list {
    static constexpr std::size_t most = 8;
    std::size_t size = 0;
    std::vector<std::string> first{};

    void add(std::string name) {
      if (size++ < most) first.push_back(std::move(name));
    }
    std::string text() const {
      std::string all;
      for (const std::string& name : first) all += (all.empty() ? "" : ", ") + name;
      return all + (size > most ? " and " + std::to_string(size - most) + " more" : "");
    }
  };

  /// What stands before all names, none of which is known with it: "module." of a DataParallel, "_orig_mod." of torch.compile.
  template <class Known> std::string prefix_of_wrapper(Known is_known) const {
    const auto& all = files_.tensors();
    if (std::ranges::any_of(all, [&](const auto& t) { return is_known(our_name(t.first, is_known)); })) return "";
    for (const auto& [name, place] : all)
      for (std::size_t dot = name.find('.'); dot != name.npos; dot = name.find('.', dot + 1)) {
        const std::string prefix = name.substr(0, dot + 1);
        if (!is_known(our_name(name.substr(dot + 1), is_known))) continue;
        return std::ranges::all_of(all, [&](const auto& t) { return t.first.starts_with(prefix); }) ? prefix : "";
      }
    return "";
  }

  /// Some tools leave out the prefix; files that came from TensorFlow call the weights of a norm gamma and beta.
  template <class Known> std::string our_name(std::string name, Known is_known) const {
    for (const auto& [old, now] : {std::pair<std::string_view, std::string_view>{"LayerNorm.gamma", "weight"}, {"LayerNorm.beta", "bias"}})
      if (name.ends_with(old)) name.replace(name.rfind('.') + 1, name.npos, now);
    const std::string longer = std::string(names_.prefix) + name;
    return !is_known(name) && is_known(longer) ? longer : name;
  }

  sharded_safetensors files_;
  tensor_names names_;
  shapes expected_;
  std::map<std::string, sharded_safetensors::place> found_;
};

}  // namespace detail

/// The shape of the model in a Hugging Face folder, by its config.json; without a Family, of one of the library's. Throws file_error
/// as hugging_face_config(). neuron_group 0: default_neuron_group().
inline model_shape hugging_face_shape(const std::filesystem::path& folder, int neuron_group = 0) {
  return hugging_face_config(folder, neuron_group).shape;
}
template <model_family Family> model_shape hugging_face_shape(const std::filesystem::path& folder, int neuron_group = 0) {
  return hugging_face_config_of<Family>(folder, neuron_group, false).shape;
}

/// Loads the weights of a Hugging Face folder into a model of the same architecture and shape:
///
///     raptr::transformer<raptr::gpt2_block, raptr::causal_lm, raptr::cpu> model(raptr::hugging_face_shape(folder));
///     raptr::load_hugging_face(folder, model);
///
/// Reads model.safetensors, or the files that model.safetensors.index.json names; tensors of F32, F64, F16 or BF16, converted to
/// the model's master type; names with or without their prefix; a tied weight once or twice. A model of a shorter context takes the
/// first rows of the positions. Layers that no objective trains (the
/// pooler of a BERT) are kept for its checkpoints. Throws file_error and leaves the model unchanged.
///
///   new_rows  a seed: a model of a larger vocabulary, as for tokens added to the tokenizer, has the rows beyond those of the folder as
///             initialise(seed) draws them; nullopt: it is refused
template <class Model>
void load_hugging_face(const std::filesystem::path& folder, Model& model, const std::optional<std::uint64_t>& new_rows = std::nullopt) {
  using master = typename Model::master;
  using block = typename Model::block;
  const auto file = folder / "config.json";
  const tensor_names names = checkpoint::names_in_files(model);
  const json config = read_json(file);
  if (const auto there = json_member<std::string>(config, "model_type", file); there != names.family || there == own_names.family)
    errors::architecture_differs(file, there, names.family);
  model_shape there = model.shape();
  const model_shape in_file = hugging_face_config_of<family_of<block>, block>(config, file, 0, true).shape;
  there.context = (std::max)(there.context, in_file.context);
  if (new_rows) there.vocab = (std::min)(there.vocab, in_file.vocab);
  expect_same_config<block>(config, file, there);
  const auto tensors = file_tensors(model.layout(), names);
  auto shapes = checkpoint::shapes_of(tensors, "");
  for (const tensor_name& n : names.model)
    if (const auto found = shapes.find(std::string(n.theirs)); found != shapes.end()) {
      if (n.ours == "embed_positions.weight") found->second.front() = there.context;
      if (n.ours == "embed_tokens.weight" || n.ours.starts_with("output.")) found->second.front() = there.vocab;
    }
  const auto size_of = [&](const std::string& name) { return static_cast<std::size_t>(*detail::bytes_of_shape(shapes.at(name), 1)); };
  const detail::hugging_face_tensors files(folder, names, there.layers, there.width, shapes);
  files.check_tied_weights<master>();
  auto read =
      checkpoint::read_tensors(model, tensors, files.untrained<master>(model.shape().width), [&](const std::string& name, std::span<master> out) {
        files.read(name, shapes.contains(name) ? out.first((std::min)(out.size(), size_of(name))) : out);
      });
  if (there.vocab < model.shape().vocab) {
    model.initialise(*new_rows);
    const std::vector<master> initial = model.get_weights();
    for (const file_tensor& t : tensors)
      t.each([&, size = size_of(t.name)](std::size_t ours, std::size_t theirs) {
        if (theirs >= size) read.weights[ours] = initial[ours];
      });
  }
  std::move(read).put_into(model);
}

}  // namespace raptr
