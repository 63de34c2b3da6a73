// SPDX-License-Identifier: Apache-2.0
// Reads config.json of a Hugging Face folder, by the list of members that its family has. A member whose value would change the
// network and is not supported is rejected by name: nothing is computed in another way than the file specifies.
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <raptr/checkpoint/rotary_config.hpp>
#include <raptr/io/json.hpp>
#include <raptr/models/families.hpp>

namespace raptr {

/// A size of a model: its name here, and that of the member of config.json.
struct named_size {
  std::string_view name, member;
  int size;
};
/// What config.json says of a model.
struct hugging_face_model {
  std::string_view family;
  std::vector<named_size> sizes;
  model_shape shape;  // neurons as a number, kv_heads 0 unless the family has grouped queries
};

namespace errors {
[[noreturn]] inline void unsupported_member(const std::filesystem::path& file, std::string_view member, const json& value,
                                            const std::string& supported) {
  fail<file_error>(shown(file) + ": \"" + std::string(member) + "\" is " + detail::shown_json(value) + "; supported: " + supported);
}
[[noreturn]] inline void block_lacks_member(const std::filesystem::path& file, std::string_view member, const json& value, bool is_default,
                                            const std::string& supported) {
  fail<file_error>(shown(file) + ": \"" + std::string(member) + "\" is " + detail::shown_json(value) + (is_default ? " by default" : "") +
                   "; the block of this model has " + supported);
}
[[noreturn]] inline void shape_of_config_cannot_be(const std::filesystem::path& file, const std::string& about_sizes) {
  fail<file_error>(shown(file) + ": " + about_sizes);
}
}  // namespace errors

namespace detail {

inline json json_of(const config_value& v) {
  switch (v.kind) {
    case config_value::truth:
      return v.flag;
    case config_value::number:
      return static_cast<std::int64_t>(v.amount);  // made from an int
    case config_value::text:
      return std::string(v.word);
    case config_value::empty_object:
      return json::object();
    case config_value::null:
      break;
  }
  return nullptr;
}
inline std::string listed(const config_values& values) {
  std::string list;
  for (const config_value& one : values) list += (list.empty() ? "" : " or ") + shown_json(json_of(one));
  return list;
}

/// The quoted member of config.json that holds a member of the shape, or else that of the shape.
inline std::string member_in_file(const std::string& path, const std::vector<named_size>& sizes) {
  std::string option = path;
  std::ranges::replace(option, '_', '-');
  for (const named_size& s : sizes)
    if (s.name == option) return errors::quoted(s.member);
  for (const auto& [ours, theirs] : {std::pair<std::string_view, std::string_view>{"rotary_base", "rope_theta"},
                                     {"rotary_stretch.factor", "factor"},
                                     {"rotary_stretch.context", "original_max_position_embeddings"},
                                     {"rotary_stretch.slow", "low_freq_factor"},
                                     {"rotary_stretch.fast", "high_freq_factor"}})
    if (path == ours) return errors::quoted(theirs);
  return path;
}

/// A config_visitor that reads. by_block: whether choices of the block are checked too.
class config_reader {
 public:
  config_reader(const json& config, const std::filesystem::path& file, bool by_block) : config_(config), file_(file), by_block_(by_block) {}

  std::vector<named_size> sizes;

  void size(const char* name, const char* member, int& value) {
    value = json_member<int>(config_, member, file_);
    if (value < 1) errors::wrong_member(file_, member, "1 or more", shown_json(config_[member]));
    sizes.push_back({name, member, value});
  }
  void size(const char* name, const char* member, int& value, int missing) {
    if (!absent(member)) return size(name, member, value);
    sizes.push_back({name, member, value = missing});
  }
  void number(const char* member, double& value, double missing) {
    value = absent(member) ? missing : json_member<double>(config_, member, file_);
    if (!(value > 0)) errors::wrong_member(file_, member, "a number above 0", shown_json(config_[member]));
  }
  void rotary(double& base, rotary_scaling& stretch, double missing) {
    const rotary_numbers found = rotary_from_json(config_, file_, missing);
    base = found.base, stretch = found.stretch;
  }
  void flag(const char* member, bool& value, bool missing) { value = config_.contains(member) ? json_member<bool>(config_, member, file_) : missing; }
  void only(const char* member, const config_values& values) { checked(member, values); }
  void checked(const char* member, const config_values& values) {
    if (config_.contains(member) && !holds(values, config_[member])) errors::unsupported_member(file_, member, config_[member], listed(values));
  }
  void policy(const char* member, const config_value& missing, const config_values& values) {
    const bool there = config_.contains(member);
    const json value = there ? config_[member] : json_of(missing);
    if (by_block_ && !holds(values, value)) errors::block_lacks_member(file_, member, value, !there, listed(values));
  }
  void alias(const char*, int) {}
  void id(const char*, int vocabulary::*) {}
  void rate(const char* member, double& value, double missing) {
    value = absent(member) ? missing : json_member<double>(config_, member, file_);
    if (!(value >= 0 && value < 1)) errors::wrong_member(file_, member, "a share from 0 to below 1", decimal_text(value));
  }

 private:
  bool absent(const char* member) const { return !config_.contains(member) || config_[member].is_null(); }
  static bool holds(const config_values& values, const json& value) {
    return std::ranges::any_of(values, [&](const config_value& one) { return json_of(one) == value; });
  }

  const json& config_;
  const std::filesystem::path& file_;
  bool by_block_;
};
static_assert(config_visitor<config_reader>);

}  // namespace detail

/// What config.json of a folder of the family says. Throws file_error for another family, a member that is not supported, and invalid
/// sizes.
///
///   file          for messages
///   neuron_group  of the shape, which such files do not contain; 0: default_neuron_group()
///   by_block      whether what Block decides, such as the activation, must be as the file says; otherwise it is not looked at
template <model_family Family, class Block = typename Family::network>
hugging_face_model hugging_face_config_of(const json& config, const std::filesystem::path& file, int neuron_group, bool by_block) {
  const auto type = json_member<std::string>(config, "model_type", file);
  if (type != Family::name) errors::unsupported_member(file, "model_type", config["model_type"], errors::quoted(Family::name));
  detail::config_reader reader(config, file, by_block);
  hugging_face_model model{Family::name, {}, {}};
  Family::template config<Block>(reader, model.shape);
  reader.checked("pruned_heads", {config_value::nothing(), config_value()});
  reader.checked("quantization_config", {config_value()});
  try {
    model.shape.neuron_group = neuron_group == 0 ? 1 : neuron_group;
    model.shape.check();
    model.shape.neurons = model.shape.neuron_count();
    if (neuron_group == 0) model.shape.neuron_group = default_neuron_group(model.shape.neurons);
  } catch (const member_error& e) {
    errors::shape_of_config_cannot_be(file, detail::member_in_file(e.path(), reader.sizes) + e.problem);
  } catch (const input_error& e) {
    errors::shape_of_config_cannot_be(file, bare_sentence(e));
  }
  model.sizes = std::move(reader.sizes);
  for (named_size& s : model.sizes)
    if (s.name == "neurons") s.size = model.shape.neurons;
  return model;
}
template <model_family Family, class Block = typename Family::network>
hugging_face_model hugging_face_config_of(const std::filesystem::path& folder, int neuron_group, bool by_block) {
  const auto file = folder / "config.json";
  return hugging_face_config_of<Family, Block>(read_json(file), file, neuron_group, by_block);
}

/// The same for the family among several that the file names, whatever its block.
template <class... Families> hugging_face_model hugging_face_config(const std::filesystem::path& folder, family_list<Families...>, int neuron_group) {
  const auto file = folder / "config.json";
  const json config = read_json(file);
  const auto type = json_member<std::string>(config, "model_type", file);
  std::optional<hugging_face_model> found;
  ((type == Families::name ? void(found = hugging_face_config_of<Families>(config, file, neuron_group, false)) : void()), ...);
  std::string names;
  ((names += (names.empty() ? "" : " or ") + errors::quoted(Families::name)), ...);
  if (!found) errors::unsupported_member(file, "model_type", config["model_type"], names);
  return *found;
}
inline hugging_face_model hugging_face_config(const std::filesystem::path& folder, int neuron_group = 0) {
  return hugging_face_config(folder, library_families{}, neuron_group);
}

}  // namespace raptr
