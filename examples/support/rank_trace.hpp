// SPDX-License-Identifier: Apache-2.0
// The timelines of all ranks in one file, for --trace.
#pragma once

#include <set>

#include <raptr/comm/comm_trace.hpp>
#include <raptr/io/text_file.hpp>

#include "ranks.hpp"

namespace program {

inline constexpr std::int64_t traced_steps = 20;

namespace errors {
[[noreturn]] inline void trace_of_one_rank() {
  raptr::fail("--trace shows what several ranks send and wait for, and this run has one: give --ranks, start it with mpirun, or leave --trace out");
}
}  // namespace errors

/// The text that every rank gives, in their order.
inline std::vector<std::string> texts_of_ranks(raptr::any_communicator& comm, std::string mine, std::string_view what) {
  const std::vector<std::size_t> sizes = of_all_ranks(comm, mine.size(), what);
  const std::size_t most = *std::ranges::max_element(sizes);
  mine.resize(most);
  std::string all(most * sizes.size(), ' ');
  comm.gather(std::as_bytes(std::span(mine)), std::as_writable_bytes(std::span(all)), {.name = what, .may_be_slow = true});
  std::vector<std::string> texts;
  for (std::size_t rank = 0; rank < sizes.size(); ++rank) texts.push_back(all.substr(rank * most, sizes[rank]));
  return texts;
}

/// All ranks call it, with the timeline of each. Rank 0 writes the file, and returns a line about it.
inline std::string write_trace(raptr::any_communicator& comm, const raptr::comm_trace& trace, const std::filesystem::path& file) {
  const auto spans = trace.spans();
  const auto events = texts_of_ranks(comm, raptr::trace_events_of(spans, comm.rank()), "trace");
  if (comm.rank() != 0) return {};
  std::string text = "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n";
  for (const std::string& one : events) text += one + (&one == &events.back() ? "\n" : ",\n");
  raptr::replace_file(file, text + "]}\n");
  std::set<std::int64_t> steps;
  for (const auto& s : spans)
    if (s.what == raptr::comm_trace::kind::sum) steps.insert(s.at.step);
  const raptr::sum_times sums = raptr::sum_times_of(spans);
  return "Trace: " + raptr::shown(file) + ", " + count_text(std::int64_t(steps.size())) + " steps; sums were under way for " +
         raptr::fixed_text(1e3 * sums.under_way / double((std::max)(std::size_t{1}, steps.size())), 1) + " ms of a step, " +
         raptr::percent_text(sums.hidden_share(), 0) + " of it while rank 0 computed";
}

}  // namespace program
