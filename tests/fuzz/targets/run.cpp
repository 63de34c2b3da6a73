// SPDX-License-Identifier: Apache-2.0
// The reader of metrics.jsonl, which a resumed run and raptr-compare believe.
#include <algorithm>

#include <raptr/run/metrics.hpp>

#include "../target.hpp"

using fuzz::need;

namespace {

void run_metrics(std::string_view input) {
  const auto path = fuzz::put("metrics.jsonl", input);
  raptr::metrics_file read;
  if (!fuzz::accepts([&] { read = raptr::read_metrics(path); })) return;
  need(std::ssize(read.steps) == std::ranges::count(input, '\n') && read.ends.size() == read.steps.size(), "not one step for each line");
  std::int64_t step = 0;
  for (const auto& one : read.steps) need(one.step == ++step, "steps that do not follow each other");
  for (const std::uint64_t end : read.ends) need(end <= input.size() && input[end - 1] == '\n', "a step does not end with its line");
  (void)raptr::sums_of(read.steps);
  // A validation loss that is added to a line is read back, and nothing else changes.
  std::string text;
  raptr::for_each_line(
      path, [&](const raptr::json& line, std::uint64_t, std::uint64_t) { text += raptr::json_text(raptr::with_validation_loss(line, 1.5), -1); });
  const auto again = raptr::read_metrics(fuzz::put("metrics.jsonl", text));
  need(again.steps.size() == read.steps.size(), "lines were lost");
  for (std::size_t k = 0; k < again.steps.size(); ++k)
    need(again.steps[k].validation_loss == 1.5 && again.steps[k].loss == read.steps[k].loss && again.steps[k].skipped == read.steps[k].skipped,
         "a validation loss changes the rest of its line");
}
std::vector<std::string> metrics_seeds() {
  raptr::step_report r;
  r.loss = 0.1, r.targets = 3, r.tokens = 4, r.total_flops = 1e10, r.active_blocks = 2;
  const std::string first = raptr::metrics_line(r);
  r.step = 1, r.validation_loss = 2.5;
  const std::string second = raptr::metrics_line(r);
  r.nonfinite = "loss", r.loss = 1e300 * 1e300;
  return {first, first + second, first + raptr::metrics_line(r), first + second.substr(0, 40), "{}\n", ""};
}

}  // namespace

const fuzz::target fuzz::metrics{"metrics", run_metrics, metrics_seeds};
