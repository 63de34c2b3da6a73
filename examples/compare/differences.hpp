// SPDX-License-Identifier: Apache-2.0
// In what two runs differ besides their schedules, from their config.json: what a loss is of, and what a step is. Runs of raptr-pretrain record
// options, those of raptr::training_run the settings of the trainer; what only one of two runs records is not compared.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <raptr/base/number_text.hpp>
#include <raptr/io/json.hpp>
#include <raptr/nn/objectives/masked_lm.hpp>
#include <raptr/nn/objectives/ul2_text.hpp>

namespace program {

/// One property of a run, and what follows where that of another run differs. value: empty where it is not recorded or not used.
struct run_fact {
  std::string_view name;
  std::string value;
  std::string_view consequence;
};

/// options, hashes: of config.json. parameters: of summary.json.
inline std::vector<run_fact> facts_of(const raptr::json& options, const raptr::json& hashes, std::int64_t parameters) {
  constexpr std::string_view losses = "their losses are not comparable", steps = "equal steps are not equal tokens";
  const auto text = [&](const char* name) -> std::string {
    if (!options.contains(name)) return "";
    return options[name].is_string() ? options[name].get<std::string>() : options[name].dump();
  };
  const auto number = [&](const char* name) { return options.value(name, std::int64_t{0}); };
  const std::string given = text("objective"), objective = given.substr(0, given.find(':'));
  std::string settings = text("objective_settings");
  if (objective == raptr::ul2::name && settings.empty())  // equal mixtures have several texts
    settings = raptr::read_ul2(given.size() > objective.size() ? given.substr(objective.size() + 1) : "").settings();
  std::vector<run_fact> facts{{"objective", objective, losses}, {"options of the objective", settings, losses}};
  if (objective == raptr::masked_lm::name)
    for (const char* const name : {"masking", "max-predictions", "frame"}) facts.push_back({name, text(name), losses});
  facts.push_back({"validation windows", text("validation-windows"), losses});
  facts.push_back({"context", text("context"), losses});
  const std::int64_t tokens = number("batch") * number("accumulate") * number("context");
  facts.push_back({"tokens per step", tokens > 0 ? raptr::count_text(tokens) : "", steps});
  facts.push_back(
      {"initial weights", hashes.contains("from") ? "those of --from (" + hashes.value("from", "") + ")" : "random ones", "they start elsewhere"});
  facts.push_back({"parameters", parameters > 0 ? raptr::count_text(parameters) : "", "they are models of other sizes"});
  return facts;
}

/// A line for each fact in which a run differs from the first one.
inline std::string differences(const std::string& name, const std::vector<run_fact>& facts, const std::string& first_name,
                               const std::vector<run_fact>& first) {
  std::string lines;
  for (const run_fact& f : facts)
    for (const run_fact& other : first)
      if (f.name == other.name && !f.value.empty() && !other.value.empty() && f.value != other.value)
        lines += name + " differs from " + first_name + " in " + std::string(f.name) + ", " + f.value + " instead of " + other.value + ": " +
                 std::string(f.consequence) + ".\n";
  return lines;
}

}  // namespace program
