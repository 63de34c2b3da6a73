// SPDX-License-Identifier: Apache-2.0
// A checkpoint is a folder: model.safetensors, config.json and the files of the tokenizer as other tools expect them,
// optimizer.safetensors with moments and step counts, state.json with the state of the training loop, manifest.json with checksums. It is written
// atomically (io/atomic_folder.hpp), and a failed load leaves the trainer unchanged. While a network grows, the first two are those of
// the blocks that exist, numbered from 0, and the weights of the others wait in optimizer.safetensors.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include <raptr/checkpoint/checkpoint_extras.hpp>
#include <raptr/checkpoint/error.hpp>
#include <raptr/checkpoint/model_config.hpp>
#include <raptr/io/atomic_folder.hpp>
#include <raptr/io/safetensors.hpp>

namespace raptr {

namespace checkpoint {

inline constexpr int format = 1, format_of_growing = 2;  // the second one: model.safetensors has the existing blocks only

/// An arena and what is written of it. `suffix` is appended to every name: moments are named after their weights.
template <class Master> struct arena_tensors {
  std::string suffix;
  std::span<const file_tensor> tensors;
  std::vector<Master> arena;
};
/// The step counts of one part: those of its units, or the one of its other weights.
struct count_tensor {
  std::string name;
  int first, size;
};
inline std::vector<count_tensor> count_tensors(const weight_layout& layout) {
  std::vector<count_tensor> all;
  for (const placed_weight& w : layout.all())
    if (w.counts) {
      const std::string of = w.block < 0 ? "model" : "blocks." + std::to_string(w.block) + "." + w.part_name;
      all.push_back({of + (w.what.per_unit ? ".unit_steps" : ".steps"), w.unit, w.units});
    }
  return all;
}

template <class Master> void write_tensors(recorded_file& out, std::span<const arena_tensors<Master>> arenas, const std::vector<count_tensor>& counts,
                                           std::span<const std::int32_t> steps, std::span<const untrained_tensor<Master>> untrained = {}) {
  std::vector<tensor_plan> plan;
  for (const arena_tensors<Master>& a : arenas)
    for (const file_tensor& t : a.tensors) plan.push_back({t.name + a.suffix, dtype_of<Master>, t.shape()});
  for (const auto& t : untrained) plan.push_back({t.name, dtype_of<Master>, t.shape});
  for (const count_tensor& c : counts) plan.push_back({c.name, dtype_of<std::int32_t>, {c.size}});
  safetensors_writer file(out, plan);
  std::vector<Master> values;
  for (const arena_tensors<Master>& a : arenas)
    for (const file_tensor& t : a.tensors) {
      values.resize(t.size());
      t.each([&](std::size_t ours, std::size_t theirs) { values[theirs] = a.arena[ours]; });
      file.write(t.name + a.suffix, std::span<const Master>(values));
    }
  for (const auto& t : untrained) file.write(t.name, std::span<const Master>(t.values));
  for (const count_tensor& c : counts) file.write(c.name, steps.subspan(static_cast<std::size_t>(c.first), static_cast<std::size_t>(c.size)));
  file.finish();
}

/// Throws file_error if tensors are missing, unknown or of another shape, before any data is read.
inline void expect_tensors(const safetensors_reader& file, const std::map<std::string, std::vector<std::int64_t>>& expected) {
  std::string missing, unknown;
  for (const auto& [name, shape] : expected) {
    const tensor_entry* found = file.find(name);
    if (!found)
      missing += (missing.empty() ? "" : ", ") + name;
    else if (found->shape != shape)
      errors::tensor_has_another_shape(file.path(), name, detail::shape_text(shape), detail::shape_text(found->shape));
  }
  if (!missing.empty()) errors::tensors_differ(file.path(), "lacks tensors", missing);
  for (const tensor_entry& t : file.tensors())
    if (!expected.contains(t.name)) unknown += (unknown.empty() ? "" : ", ") + t.name;
  if (!unknown.empty()) errors::tensors_differ(file.path(), "contains tensors that are not part", unknown);
}
/// Sets the elements of an arena that are in tensors. read(name, span) fills the span with a tensor.
template <class Master, class Read> void read_into(std::vector<Master>& arena, std::span<const file_tensor> tensors, Read read) {
  std::vector<Master> values;
  for (const file_tensor& t : tensors) {
    values.resize(t.size());
    read(t.name, std::span<Master>(values));
    t.each([&](std::size_t ours, std::size_t theirs) { arena[ours] = values[theirs]; });
  }
}
template <class Master, class Read> std::vector<Master> read_arena(std::span<const file_tensor> tensors, std::int64_t size, Read read) {
  std::vector<Master> arena(static_cast<std::size_t>(size), Master(0));
  read_into(arena, tensors, read);
  return arena;
}
inline std::map<std::string, std::vector<std::int64_t>> shapes_of(std::span<const file_tensor> tensors, const std::string& suffix) {
  std::map<std::string, std::vector<std::int64_t>> shapes;
  for (const file_tensor& t : tensors) shapes[t.name + suffix] = t.shape();
  return shapes;
}

template <class Trainer> struct kind_of {
  using model = std::remove_reference_t<decltype(std::declval<Trainer&>().model())>;
  using rule = std::remove_cvref_t<decltype(std::declval<Trainer&>().optimizer().rule())>;
  using master = typename model::master;

  /// The suffix of a tensor's name in the name of its moment k.
  static std::string suffix(int k) { return std::string(".") + rule::moment_names[k]; }
};

template <class Model> tensor_names names_in_files(const Model& model) { return names_of<typename Model::block>(model.shape()); }

/// The tensors of the blocks that exist, numbered from 0, with the model's own; and those of the other blocks, under their own numbers.
struct growing_tensors {
  std::vector<file_tensor> network, waiting;
};
inline growing_tensors tensors_of(const weight_layout& layout, const tensor_names& names, const unit_set& existing) {
  const auto place = [&](int block) {
    int before = 0;
    for (const int other : existing) before += other < block;
    return before;
  };
  using number = std::optional<int>;
  return {file_tensors(layout, names, [&](int block) { return block < 0 || existing.has(block) ? number(place(block)) : std::nullopt; }),
          file_tensors(layout, names, [&](int block) { return block < 0 || existing.has(block) ? std::nullopt : number(block); })};
}

/// Whether the model has all layers of its family that are not trained here, as files of BertForPreTraining do.
template <class Model> bool is_whole(const Model& model) { return model.untrained().size() == 2 * names_in_files(model).untrained.size(); }

/// The contents of model.safetensors: the weights in the order of the model's layout, and the untrained tensors.
template <class Model> struct model_tensors {
  std::vector<typename Model::master> weights;
  std::vector<untrained_tensor<typename Model::master>> untrained;

  void put_into(Model& model) && {
    model.set_weights(weights);
    model.set_untrained(std::move(untrained));
  }
};
/// read(name, span) fills the span with a tensor.
template <class Model, class Read> model_tensors<Model> read_tensors(const Model& model, std::span<const file_tensor> tensors,
                                                                     std::vector<untrained_tensor<typename Model::master>> untrained, Read read) {
  using master = typename Model::master;
  for (auto& t : untrained) {
    t.values.resize(static_cast<std::size_t>(std::accumulate(t.shape.begin(), t.shape.end(), std::int64_t{1}, std::multiplies<>{})));
    read(t.name, std::span<master>(t.values));
  }
  return {read_arena<master>(tensors, model.layout().size(), read), std::move(untrained)};
}
/// existing: the blocks in the files; the weights of the others stay 0.
template <class Model> model_tensors<Model> read_weights(const std::filesystem::path& folder, const Model& model, const unit_set& existing) {
  using master = typename Model::master;
  const tensor_names names = names_in_files(model);
  const auto tensors = tensors_of(model.layout(), names, existing).network;
  model_shape shape = model.shape();
  shape.layers = existing.size();
  const safetensors_reader file(folder / "model.safetensors");
  auto untrained = untrained_tensors<master>(names, model.shape().width, [&](const std::string& name) { return file.find(name) != nullptr; });
  auto expected = shapes_of(tensors, "");
  for (const auto& t : untrained) expected[t.name] = t.shape;
  expect_tensors(file, expected);
  expect_same_model<typename Model::block>(folder, shape);
  return read_tensors(model, tensors, std::move(untrained), [&](const std::string& name, std::span<master> out) { file.read(name, out); });
}

}  // namespace checkpoint

/// Loads the weights only, from a folder with model.safetensors. Throws file_error naming the tensors that do not match.
template <class Model> void load_weights(const std::filesystem::path& folder, Model& model) {
  checkpoint::read_weights(folder, model, unit_set::first(model.shape().layers)).put_into(model);
}

/// Atomically writes the state between two steps to a folder. Throws file_error and keeps the old folder.
template <class Trainer>
void save_checkpoint(const std::filesystem::path& folder, Trainer& trainer, const vocabulary& tokens, const checkpoint_extras& extras = {}) {
  using kind = checkpoint::kind_of<Trainer>;
  using master = typename kind::master;
  auto& model = trainer.model();
  auto& optimizer = trainer.optimizer();
  const tensor_names names = checkpoint::names_in_files(model);
  const auto tensors = file_tensors(model.layout(), names);
  const unit_set& existing = trainer.done().existing;
  const auto parts = checkpoint::tensors_of(model.layout(), names, existing);
  atomic_folder to(folder, extras.run);
  to.write("model.safetensors", [&](recorded_file& out) {
    const checkpoint::arena_tensors<master> weights[] = {{"", parts.network, model.get_weights()}};
    checkpoint::write_tensors<master>(out, weights, {}, {}, model.untrained());
  });
  to.write("optimizer.safetensors", [&](recorded_file& out) {
    std::vector<checkpoint::arena_tensors<master>> arenas;
    for (int k = 0; k < kind::rule::moments; ++k) arenas.push_back({kind::suffix(k), tensors, optimizer.moment_on_host(model, k)});
    if (!parts.waiting.empty()) arenas.push_back({"", parts.waiting, model.get_weights()});
    const std::vector<int> steps = download(model.ops(), static_cast<const int*>(optimizer.counts()), optimizer.counts_size());
    checkpoint::write_tensors<master>(out, arenas, checkpoint::count_tensors(model.layout()), steps);
  });
  json blocks = json::array();
  for (const int block : existing) blocks.push_back(block);
  model_shape shape = model.shape();
  shape.layers = existing.size();
  json config = model_config<typename kind::model::block, typename kind::model::objective_type>(shape, tokens, checkpoint::is_whole(model));
  if constexpr (requires { model.objective().settings(); }) config["raptr"]["objective_settings"] = model.objective().settings();
  if (!parts.waiting.empty()) config["raptr"]["grows_to"] = model.shape().layers, config["raptr"]["existing_blocks"] = blocks;
  to.write("config.json", json_text(config));
  if (kind::model::objective_type::name == causal_lm::name && config.contains("architectures"))
    to.write("generation_config.json", json_text(generation_config(shape, tokens)));
  for (const text_file& file : extras.tokenizer) to.write(file.name, file.text);
  json state = {{"format", parts.waiting.empty() ? checkpoint::format : checkpoint::format_of_growing}};
  if (!extras.run.empty()) state["run"] = extras.run;
  state.update({{"step", trainer.done().step}, {"nonfinite_in_a_row", trainer.done().nonfinite_in_a_row}, {"existing_blocks", std::move(blocks)}});
  if (trainer.done().stage_begun) state["stage_begun"] = true;
  to.write("state.json", json_text(state));
  if (!extras.card.empty()) write_file(to.partial_path() / "README.md", extras.card);  // not in the manifest, since people edit it
  to.commit();
}

/// The inverse of save_checkpoint(). Verifies every byte against the manifest first. Throws file_error and leaves the
/// trainer unchanged.
template <class Trainer> void load_checkpoint(const std::filesystem::path& folder, Trainer& trainer) {
  using kind = checkpoint::kind_of<Trainer>;
  using master = typename kind::master;
  auto& model = trainer.model();
  auto& optimizer = trainer.optimizer();
  verify_folder(folder);
  const auto state_file = folder / "state.json";
  const json state = read_json(state_file);
  const int format = json_member<int>(state, "format", state_file);
  if (format != checkpoint::format && format != checkpoint::format_of_growing)
    errors::wrong_member(state_file, "format", "1 or 2, the supported formats", std::to_string(format));
  typename Trainer::progress done{json_member<std::int64_t>(state, "step", state_file), json_member<int>(state, "nonfinite_in_a_row", state_file)};
  if (state.contains("stage_begun")) done.stage_begun = json_member<bool>(state, "stage_begun", state_file);
  const int layers = model.shape().layers;
  const auto existing = [&] {
    unit_set all;
    const json blocks = json_member<json>(state, "existing_blocks", state_file);
    const std::string numbers = "a list of numbers from 0 to " + std::to_string(layers - 1);
    if (!blocks.is_array() || blocks.empty()) errors::wrong_member(state_file, "existing_blocks", numbers, detail::shown_json(blocks));
    for (const json& block : blocks) {
      if (!detail::json_fits<int>(block) || block.get<int>() < 0 || block.get<int>() >= layers)
        errors::wrong_member(state_file, "existing_blocks", numbers, detail::shown_json(block));
      all.add(block.get<int>());
    }
    return all;
  };
  const unit_set in_file = format == checkpoint::format ? unit_set::first(layers) : existing();
  const auto waiting = checkpoint::tensors_of(model.layout(), checkpoint::names_in_files(model), in_file).waiting;
  if (format == checkpoint::format_of_growing && waiting.empty()) errors::wrong_member(state_file, "format", "1, as all blocks exist", "2");
  const auto tensors = file_tensors(model.layout(), checkpoint::names_in_files(model));
  const auto counted = checkpoint::count_tensors(model.layout());

  auto weights = checkpoint::read_weights(folder, model, in_file);
  const safetensors_reader moments_file(folder / "optimizer.safetensors");
  std::map<std::string, std::vector<std::int64_t>> expected;
  for (int k = 0; k < kind::rule::moments; ++k) expected.merge(checkpoint::shapes_of(tensors, kind::suffix(k)));
  expected.merge(checkpoint::shapes_of(waiting, ""));
  for (const auto& c : counted) expected[c.name] = {c.size};
  checkpoint::expect_tensors(moments_file, expected);

  checkpoint::read_into(weights.weights, waiting, [&](const std::string& name, std::span<master> out) { moments_file.read(name, out); });
  std::vector<std::vector<master>> moments;
  for (int k = 0; k < kind::rule::moments; ++k)
    moments.push_back(checkpoint::read_arena<master>(
        tensors, model.layout().size(), [&](const std::string& name, std::span<master> out) { moments_file.read(name + kind::suffix(k), out); }));
  std::vector<int> steps(optimizer.counts_size(), 0);
  for (const auto& c : counted)
    moments_file.read(c.name, std::span<int>(steps).subspan(static_cast<std::size_t>(c.first), static_cast<std::size_t>(c.size)));
  done.existing = existing();

  std::move(weights).put_into(model);
  for (int k = 0; k < kind::rule::moments; ++k) optimizer.set_moment(model, k, moments[static_cast<std::size_t>(k)]);
  model.ops().upload(optimizer.counts(), steps.data(), steps.size());
  trainer.set_done(done);
}

}  // namespace raptr
