// SPDX-License-Identifier: Apache-2.0
// How config.json states rotary positions [hf]. transformers 5 has one object, "rope_parameters"; before, the base was "rope_theta" and the
// rest "rope_scaling". All forms are read, and refused where they contradict each other; the old ones are written too, for old readers.
#pragma once

#include <filesystem>
#include <string>

#include <raptr/io/json.hpp>
#include <raptr/subnet/model_shape.hpp>

namespace raptr {

namespace errors {
[[noreturn]] inline void unsupported_rotary(const std::filesystem::path& file, std::string_view member, const json& value,
                                            std::string_view supported) {
  fail<file_error>(shown(file) + ": \"" + std::string(member) + "\" of the rotary positions is " + detail::shown_json(value) +
                   "; supported: " + std::string(supported));
}
[[noreturn]] inline void rotary_contradicts_itself(const std::filesystem::path& file, std::string_view first, const json& one,
                                                   std::string_view second, const json& other) {
  fail<file_error>(shown(file) + ": \"" + std::string(first) + "\" has " + detail::shown_json(one) + " and \"" + std::string(second) + "\" has " +
                   detail::shown_json(other) + " for the same rotary positions");
}
}  // namespace errors

/// The numbers of rotary positions in a shape.
struct rotary_numbers {
  double base = 0;
  rotary_scaling stretch{};
  bool operator==(const rotary_numbers&) const = default;
};

/// "rope_parameters", or with base 0 "rope_scaling".
inline json rotary_to_json(const rotary_numbers& numbers) {
  const rotary_scaling& by = numbers.stretch;
  json all = {{"rope_type", by == rotary_scaling{} ? "default" : by.context > 0 ? "llama3" : "linear"}};
  if (numbers.base > 0) all["rope_theta"] = numbers.base;
  if (by != rotary_scaling{}) all["factor"] = by.factor;
  if (by.context > 0) all.update({{"low_freq_factor", by.slow}, {"high_freq_factor", by.fast}, {"original_max_position_embeddings", by.context}});
  return all;
}

/// A number above 0.
template <class T> T rotary_number(const json& of, const char* member, const std::filesystem::path& file) {
  const auto number = json_member<T>(of, member, file);
  if (!(number > 0)) errors::wrong_member(file, member, "a number above 0", detail::shown_json(of[member]));
  return number;
}
/// The inverse of rotary_to_json(); base 0 where `all` has none. context: as the rest of the file states it, or null. Throws file_error for
/// a type or a number that is not supported.
inline rotary_numbers rotary_of_object(json all, const json& context, const std::filesystem::path& file) {
  constexpr const char* context_member = "original_max_position_embeddings";
  if (!context.is_null() && all.contains(context_member) && all[context_member] != context)
    errors::rotary_contradicts_itself(file, context_member, context, "the object of rotary positions", all[context_member]);
  if (!context.is_null()) all[context_member] = context;
  const auto number = [&](const char* member) { return rotary_number<double>(all, member, file); };
  rotary_numbers found{.base = all.contains("rope_theta") ? number("rope_theta") : 0};
  const char* const type_member = all.contains("rope_type") ? "rope_type" : "type";
  const std::string type = all.contains(type_member) ? json_member<std::string>(all, type_member, file) : "default";
  if (type == "linear")
    found.stretch.factor = number("factor");
  else if (type == "llama3")
    found.stretch = {.factor = number("factor"),
                     .context = rotary_number<int>(all, context_member, file),
                     .slow = number("low_freq_factor"),
                     .fast = number("high_freq_factor")};
  else if (type != "default")
    errors::unsupported_rotary(file, type_member, all[type_member], "\"default\", \"linear\" or \"llama3\"");
  if (all.contains("partial_rotary_factor") && all["partial_rotary_factor"] != 1)
    errors::unsupported_rotary(file, "partial_rotary_factor", all["partial_rotary_factor"], "1");
  if (found.stretch.factor == 1) found.stretch = {};  // whatever its type
  return found;
}

/// Those of a config.json. missing: the base where the file has none.
inline rotary_numbers rotary_from_json(const json& config, const std::filesystem::path& file, double missing) {
  const auto there = [&](const char* member) { return config.contains(member) && !config[member].is_null(); };
  const auto object = [&](const char* member) {
    if (!there(member)) return rotary_numbers{};
    if (!config[member].is_object()) errors::wrong_member(file, member, "an object", detail::shown_json(config[member]));
    return rotary_of_object(config[member], there("original_max_position_embeddings") ? config["original_max_position_embeddings"] : json(), file);
  };
  if (there("partial_rotary_factor") && config["partial_rotary_factor"] != 1)
    errors::unsupported_rotary(file, "partial_rotary_factor", config["partial_rotary_factor"], "1");
  rotary_numbers found = object("rope_parameters");
  const rotary_numbers before = object("rope_scaling");
  if (there("rope_parameters") && there("rope_scaling") && found.stretch != before.stretch)
    errors::rotary_contradicts_itself(file, "rope_parameters", config["rope_parameters"], "rope_scaling", config["rope_scaling"]);
  if (found.base > 0 && before.base > 0 && found.base != before.base)
    errors::rotary_contradicts_itself(file, "rope_parameters", found.base, "rope_scaling", before.base);
  if (!there("rope_parameters")) found = before;
  if (there("rope_theta")) {
    const double base = rotary_number<double>(config, "rope_theta", file);
    if (found.base > 0 && found.base != base)
      errors::rotary_contradicts_itself(file, there("rope_parameters") ? "rope_parameters" : "rope_scaling", found.base, "rope_theta", base);
    found.base = base;
  }
  if (found.base == 0) found.base = missing;
  return found;
}

}  // namespace raptr
