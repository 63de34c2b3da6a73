// SPDX-License-Identifier: Apache-2.0
// metrics.jsonl: one line per step, each about that step alone; the reader computes sums. A step without a loss has null and
// the reason. Between a run and its repetition only step_seconds and tokens_per_second differ.
#pragma once

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <raptr/io/json.hpp>
#include <raptr/train/report.hpp>

namespace raptr {

namespace detail {

/// Those of groups without targets, or that are not finite, are null.
inline json group_losses_json(const std::vector<group_loss>& groups, bool measured) {
  json all;
  for (const group_loss& g : groups) all[g.name] = measured && g.weight > 0 && std::isfinite(g.loss) ? json(g.loss) : json(nullptr);
  return all;
}

}  // namespace detail

/// A line with a validation loss, which stands before the reason of a skipped step.
inline json with_validation_loss(json line, const mean_loss& measured) {
  const json skipped = line.contains("skipped") ? json(line["skipped"]) : json(nullptr);
  line.erase("skipped");
  line["validation_loss"] = std::isfinite(measured.loss) ? json(measured.loss) : json(nullptr);
  if (!measured.groups.empty()) line["validation_losses"] = detail::group_losses_json(measured.groups, true);
  if (!skipped.is_null()) line["skipped"] = skipped;
  return line;
}

inline json metrics_json(const step_report& r) {
  const bool measured = !r.skipped();
  const auto or_null = [](bool there, double x) { return there && std::isfinite(x) ? json(x) : json(nullptr); };
  json line = {{"step", r.step + 1},
               {"stage", r.stage + 1},
               {"active_blocks", r.active_blocks},
               {"loss", or_null(measured, r.loss)},
               {"learning_rate", r.learning_rate},
               {"gradient_norm", or_null(measured, r.gradient_norm)},
               {"tokens", r.tokens},
               {"targets", r.targets},
               {"block_flops", r.block_flops},
               {"total_flops", r.total_flops},
               {"step_seconds", r.seconds},
               {"tokens_per_second", r.tokens_per_second()}};
  if (!r.losses.empty()) line["losses"] = detail::group_losses_json(r.losses, measured);
  if (r.block_learning_rate != r.learning_rate) line["block_learning_rate"] = r.block_learning_rate;
  for (const auto& [axis, share] : r.active) line["active"][std::string(axis)] = share;
  if (r.skipped()) line["skipped"] = r.why_skipped();
  return r.validation_loss ? with_validation_loss(std::move(line), {*r.validation_loss, r.validation_losses}) : line;
}
inline std::string metrics_line(const step_report& r) { return json_text(metrics_json(r), -1); }

/// Calls use(line, its first byte, the byte after it). An unterminated last line was still being written, and is skipped.
/// Throws file_error with the byte of a line that is not an object.
template <std::invocable<const json&, std::uint64_t, std::uint64_t> Use> void for_each_line(const std::filesystem::path& file, Use&& use) {
  const std::string text = read_file(file);
  for (std::size_t at = 0, end; (end = text.find('\n', at)) != text.npos; at = end + 1) {
    const json line = parse_json(std::string_view(text).substr(at, end - at), file, at);
    if (!line.is_object()) errors::damaged_file(file, at, "an object", detail::shown_json(line));
    use(line, at, end + 1);
  }
}

/// The mean over one group of targets; nullopt: there were none.
struct named_loss {
  std::string name;
  std::optional<double> loss;
};
/// One line, read back.
struct step_metrics {
  std::int64_t step = 0;
  int stage = 0, active_blocks = 0;
  std::optional<double> loss, validation_loss;
  std::int64_t tokens = 0;
  double block_flops = 0, total_flops = 0, seconds = 0;
  bool skipped = false;
  std::optional<double> learning_rate{}, block_learning_rate{};  // the last one: of the weights of blocks
  std::vector<named_loss> validation_losses{};                   // of each group, if the objective has several
};

/// More than any step has, and few enough that the sum over a log does not overflow.
inline constexpr std::int64_t most_tokens_of_a_step = std::int64_t{1} << 40;

struct metrics_file {
  std::vector<step_metrics> steps;
  std::vector<std::uint64_t> ends;  // the byte after each line
};

/// Also throws file_error for a line whose step is not the next one.
inline metrics_file read_metrics(const std::filesystem::path& file) {
  metrics_file all;
  for_each_line(file, [&](const json& line, std::uint64_t at, std::uint64_t end) {
    const auto maybe = [&](const char* name) -> std::optional<double> {
      if (!line.contains(name) || line[name].is_null()) return std::nullopt;
      return json_member<double>(line, name, file);
    };
    step_metrics m;
    m.step = json_member<std::int64_t>(line, "step", file);
    const std::int64_t expected = std::ssize(all.steps) + 1;
    if (m.step != expected) errors::damaged_file(file, at, "step " + std::to_string(expected), "step " + std::to_string(m.step));
    m.stage = json_member<int>(line, "stage", file), m.active_blocks = json_member<int>(line, "active_blocks", file);
    m.loss = maybe("loss"), m.validation_loss = maybe("validation_loss");
    m.learning_rate = maybe("learning_rate"),
    m.block_learning_rate = line.contains("block_learning_rate") ? maybe("block_learning_rate") : m.learning_rate;
    if (line.contains("validation_losses")) {
      const json groups = json_member<json>(line, "validation_losses", file);
      for (const auto& [name, loss] : groups.items())
        m.validation_losses.push_back({name, loss.is_number() ? std::optional(loss.get<double>()) : std::nullopt});
    }
    m.tokens = json_member<std::int64_t>(line, "tokens", file);
    if (m.tokens < 0 || m.tokens > most_tokens_of_a_step)
      errors::wrong_member(file, "tokens", "0 to " + std::to_string(most_tokens_of_a_step), std::to_string(m.tokens));
    m.block_flops = json_member<double>(line, "block_flops", file), m.total_flops = json_member<double>(line, "total_flops", file);
    m.seconds = json_member<double>(line, "step_seconds", file), m.skipped = line.contains("skipped");
    all.steps.push_back(m);
    all.ends.push_back(end);
  });
  return all;
}

struct run_sums {
  std::int64_t tokens = 0, skipped = 0;
  double block_flops = 0, total_flops = 0, seconds = 0;
  std::optional<double> loss, validation_loss;  // the last ones
  std::vector<named_loss> validation_losses{};

  void add(const step_metrics& m) {
    tokens += m.tokens, skipped += m.skipped, block_flops += m.block_flops, total_flops += m.total_flops, seconds += m.seconds;
    if (m.loss) loss = m.loss;
    if (m.validation_loss) validation_loss = m.validation_loss, validation_losses = m.validation_losses;
  }
  /// What the line of the step adds once it is in the log.
  void add(const step_report& r) {
    const auto finite = [](bool there, double x) { return there && std::isfinite(x) ? std::optional(x) : std::nullopt; };
    std::vector<named_loss> groups;
    for (const group_loss& g : r.validation_losses) groups.push_back({g.name, finite(g.weight > 0, g.loss)});
    add({.loss = finite(!r.skipped(), r.loss),
         .validation_loss = finite(r.validation_loss.has_value(), r.validation_loss.value_or(0)),
         .tokens = r.tokens,
         .block_flops = r.block_flops,
         .total_flops = r.total_flops,
         .seconds = r.seconds,
         .skipped = r.skipped(),
         .validation_losses = std::move(groups)});
  }
};
inline run_sums sums_of(const std::vector<step_metrics>& steps) {
  run_sums s;
  for (const step_metrics& m : steps) s.add(m);
  return s;
}

}  // namespace raptr
