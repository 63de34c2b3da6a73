// SPDX-License-Identifier: Apache-2.0
// When a rank computed, when it waited for others, and which sums were under way meanwhile, as a timeline for chrome://tracing and Perfetto:
// it shows whether the sums of blocks run beside the backward pass.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <raptr/comm/operation.hpp>

namespace raptr {

/// The timeline of one rank. Its functions may be called by several threads. It records nothing before start(), and the first steps alone, so
/// that a long run needs little memory. Times are those of the system's clock, so ranks on several machines agree as well as their clocks.
class comm_trace {
 public:
  using clock = std::chrono::system_clock;
  using time = clock::time_point;
  enum class kind { computing, waiting, gathering, sum };
  /// at: the operation; of a rank that computes, the one that it comes to next.
  struct span {
    kind what;
    comm_operation at;
    std::uint64_t bytes;
    time begin, end;
  };

  /// Records this many steps, and what is between them.
  void start(std::int64_t steps) {
    const std::lock_guard lock(mutex_);
    steps_left_ = steps, records_ = steps > 0;
  }
  /// A call begins, which its rank has come to by computing since the last one. Returns whether it is recorded.
  bool come_to(const comm_operation& at, time now) {
    const std::lock_guard lock(mutex_);
    if (records_ && at.step >= 0 && at.step != step_) records_ = steps_left_-- > 0, step_ = at.step;
    if (!records_) return false;
    if (last_ != time{}) spans_.push_back({kind::computing, at, 0, last_, now});
    last_ = now;
    return true;
  }
  /// The rank waited in a call until now.
  void go_on(kind what, const comm_operation& at, std::uint64_t bytes, time now) {
    const std::lock_guard lock(mutex_);
    spans_.push_back({what, at, bytes, last_, now});
    last_ = now;
  }
  void add(const span& s) {
    const std::lock_guard lock(mutex_);
    spans_.push_back(s);
  }
  std::vector<span> spans() const {
    const std::lock_guard lock(mutex_);
    return spans_;
  }

 private:
  mutable std::mutex mutex_;
  bool records_ = false;
  std::int64_t steps_left_ = 0, step_ = -1;
  time last_{};
  std::vector<span> spans_;
};

/// How long sums were under way, from the call to the result, and how much of that the rank spent waiting; in seconds. Sums that are under way
/// at the same time count once.
struct sum_times {
  double under_way = 0, waited = 0;

  /// 1: the rank never waited; 0: it computed nothing while sums were under way.
  double hidden_share() const { return under_way > 0 ? 1 - waited / under_way : 0; }
};
inline sum_times sum_times_of(std::vector<comm_trace::span> spans) {
  using seconds = std::chrono::duration<double>;
  std::ranges::stable_sort(spans, {}, &comm_trace::span::begin);
  std::vector<std::pair<comm_trace::time, comm_trace::time>> busy;  // disjoint, in order
  for (const comm_trace::span& s : spans)
    if (s.what == comm_trace::kind::sum) {
      if (!busy.empty() && s.begin <= busy.back().second)
        busy.back().second = (std::max)(busy.back().second, s.end);
      else
        busy.emplace_back(s.begin, s.end);
    }
  sum_times times;
  for (const auto& [begin, end] : busy) {
    times.under_way += seconds(end - begin).count();
    for (const comm_trace::span& s : spans)
      if (s.what == comm_trace::kind::waiting || s.what == comm_trace::kind::gathering)
        times.waited += (std::max)(0.0, seconds((std::min)(s.end, end) - (std::max)(s.begin, begin)).count());
  }
  return times;
}

/// The spans of a rank as events of the Trace Event Format [trace_events], separated by commas: those of the rank itself on a track, and each
/// sum as an asynchronous event, because several are under way at a time.
inline std::string trace_events_of(const std::vector<comm_trace::span>& spans, int rank) {
  const std::string process = "\"pid\":" + std::to_string(rank);
  std::string text = "{\"name\":\"process_name\",\"ph\":\"M\"," + process + ",\"args\":{\"name\":\"rank " + std::to_string(rank) +
                     "\"}},\n{\"name\":\"thread_name\",\"ph\":\"M\"," + process + ",\"tid\":0,\"args\":{\"name\":\"the rank\"}}";
  const auto microseconds = [](auto d) {
    char digits[32];
    std::snprintf(digits, sizeof digits, "%.1f", std::chrono::duration<double, std::micro>(d).count());
    return std::string(digits);
  };
  for (std::size_t k = 0; k < spans.size(); ++k) {
    const comm_trace::span& s = spans[k];
    comm_operation at = s.at;
    at.step = -1;  // in args
    const bool sum = s.what == comm_trace::kind::sum;
    // In the order of comm_trace::kind.
    static constexpr const char* begins[] = {"until ", "wait: ", "gather: ", "sum: "};
    static constexpr const char* categories[] = {"computing", "waiting", "waiting", "sum"};
    const auto kind = static_cast<std::size_t>(s.what);
    const std::string name = begins[kind] + text_of(at);
    const std::string head = ",\n{\"name\":\"" + name + "\",\"cat\":\"" + categories[kind] + "\"," + process +
                             ",\"tid\":0,\"ts\":" + microseconds(s.begin.time_since_epoch());
    const std::string args = ",\"args\":{\"step\":" + std::to_string(s.at.step + 1) + ",\"bytes\":" + std::to_string(s.bytes) + "}}";
    if (!sum) {
      text += head + ",\"ph\":\"X\",\"dur\":" + microseconds(s.end - s.begin) + args;
      continue;
    }
    const std::string id = ",\"id\":\"" + std::to_string(rank) + "." + std::to_string(k) + "\"";
    text += head + ",\"ph\":\"b\"" + id + args;
    text += ",\n{\"name\":\"" + name + "\",\"cat\":\"sum\"," + process + ",\"tid\":0,\"ts\":" + microseconds(s.end.time_since_epoch()) +
            ",\"ph\":\"e\"" + id + "}";
  }
  return text;
}

}  // namespace raptr
