// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include <raptr/comm/thread_ranks.hpp>
#include <raptr/comm/traced.hpp>

#include "communicator_checks.hpp"

namespace {

using namespace raptr;
using kind = comm_trace::kind;

/// Two ranks, of which this is one: carries out its sums when the test says so, and in finish().
struct reporting_comm {
  static int rank() { return 1; }
  static int ranks() { return 2; }
  template <class Ops, class T> void sum(Ops&, std::span<T>, const comm_operation&) { ++given; }
  template <class Ops, class T> void reduce_scatter(Ops&, std::span<T>, std::span<const std::int64_t>, const comm_operation&) { ++given; }
  template <class Ops, class T> void all_gather(Ops&, std::span<T>, std::span<const std::int64_t>, const comm_operation&) { ++given; }
  template <class Ops> void finish(Ops&, const comm_operation&) {
    while (given > 0) carry_out_one();
  }
  void gather(std::span<const std::byte>, std::span<std::byte>, const comm_operation&) {
    ++given;
    while (given > 0) carry_out_one();
  }
  void end_all(std::string_view) noexcept {}
  static std::uint64_t bytes_sent() { return 0; }
  void on_completion(std::function<void()> f) { report = std::move(f); }
  void carry_out_one() {
    --given;
    if (report) report();
  }

  int given = 0;
  std::function<void()> report;
};

std::string text_of(const std::vector<comm_trace::span>& spans) {
  std::string text;
  for (const auto& s : spans)
    text += (s.what == kind::computing   ? "until "
             : s.what == kind::waiting   ? "wait "
             : s.what == kind::gathering ? "gather "
                                         : "sum ") +
            raptr::text_of(s.at) + " " + std::to_string(s.bytes) + "; ";
  return text;
}
comm_trace::time at(int milliseconds) { return comm_trace::time(std::chrono::seconds(100) + std::chrono::milliseconds(milliseconds)); }

TEST_CASE("comm_trace: a sum ends when it is carried out, not when the rank waits for it") {
  reporting_comm engine;
  comm_trace trace;
  traced comm(engine, trace);
  std::vector<float> data(10);
  const auto step = [&](std::int64_t number) {
    std::byte byte{}, all[2];
    comm.gather(std::span(&byte, 1), all, {"start", -1, number});
    comm.sum(testing::host, std::span(data), {"gradient", 1, number});
    engine.carry_out_one();
    comm.sum(testing::host, std::span(data).first(5), {"gradient", 0, number});
    comm.finish(testing::host, {"gradient", -1, number});
  };
  step(0);
  CHECK(trace.spans().empty());
  trace.start(2);
  for (std::int64_t number = 1; number < 5; ++number) step(number);
  const auto spans = trace.spans();
  const auto of_step = [](const std::string& n) {
    return "gather step " + n + ", start 1; until step " + n + ", gradient of block 1 0; sum step " + n + ", gradient of block 1 40; until step " +
           n + ", gradient of block 0 0; until step " + n + ", gradient 0; sum step " + n + ", gradient of block 0 20; wait step " + n +
           ", gradient 0; ";
  };
  CHECK(text_of(spans) == of_step("2") + "until step 3, start 0; " + of_step("3"));
  const auto& first_sum = spans[2];
  CHECK(first_sum.begin == spans[1].end);
  CHECK(first_sum.end <= spans[3].end);  // before the next call
  for (const auto& s : spans) CHECK(s.begin <= s.end);
  CHECK(spans[6].begin == spans[4].end);  // the wait begins where computing ends
}

TEST_CASE("comm_trace: the halves of a sum are recorded as it is") {
  reporting_comm engine;
  comm_trace trace;
  traced comm(engine, trace);
  trace.start(1);
  std::vector<float> data(10);
  const std::int64_t bounds[] = {0, 4, 10};
  comm.reduce_scatter(testing::host, std::span(data), std::span(bounds), {"gradient", 1, 0});
  engine.carry_out_one();
  comm.all_gather(testing::host, std::span(data).first(6), std::span(bounds), {"weights", 1, 0});
  comm.finish(testing::host, {"weights", -1, 0});
  CHECK(text_of(trace.spans()) ==
        "sum step 1, gradient of block 1 40; until step 1, weights of block 1 0; until step 1, weights 0; "
        "sum step 1, weights of block 1 24; wait step 1, weights 0; ");
}

TEST_CASE("comm_trace: sums under way at a time count once, and what the rank waits meanwhile is not hidden") {
  std::vector<comm_trace::span> spans{
      {kind::computing, {"gradient", 1, 0}, 0, at(0), at(10)}, {kind::sum, {"gradient", 1, 0}, 8, at(10), at(30)},
      {kind::sum, {"gradient", 0, 0}, 8, at(20), at(50)},      {kind::computing, {"gradient", -1, 0}, 0, at(10), at(40)},
      {kind::waiting, {"gradient", -1, 0}, 0, at(40), at(50)}, {kind::gathering, {"start", -1, 1}, 8, at(60), at(90)},
      {kind::sum, {"gradient", 1, 1}, 8, at(100), at(140)}};
  const sum_times times = sum_times_of(spans);
  CHECK(times.under_way == doctest::Approx(.08));
  CHECK(times.waited == doctest::Approx(.01));
  CHECK(times.hidden_share() == doctest::Approx(.875));
  CHECK(sum_times_of({}).hidden_share() == 0);
}

TEST_CASE("comm_trace: events of the Trace Event Format") {
  const std::vector<comm_trace::span> spans{{kind::computing, {"gradient", 3, 4}, 0, at(0), at(2)},
                                            {kind::sum, {"gradient", 3, 4}, 96, at(2), at(3)},
                                            {kind::waiting, {"gradient", -1, 4}, 0, at(2), at(4)}};
  CHECK(trace_events_of(spans, 1) ==
        R"({"name":"process_name","ph":"M","pid":1,"args":{"name":"rank 1"}},
{"name":"thread_name","ph":"M","pid":1,"tid":0,"args":{"name":"the rank"}},
{"name":"until gradient of block 3","cat":"computing","pid":1,"tid":0,"ts":100000000.0,"ph":"X","dur":2000.0,"args":{"step":5,"bytes":0}},
{"name":"sum: gradient of block 3","cat":"sum","pid":1,"tid":0,"ts":100002000.0,"ph":"b","id":"1.1","args":{"step":5,"bytes":96}},
{"name":"sum: gradient of block 3","cat":"sum","pid":1,"tid":0,"ts":100003000.0,"ph":"e","id":"1.1"},
{"name":"wait: gradient","cat":"waiting","pid":1,"tid":0,"ts":100002000.0,"ph":"X","dur":2000.0,"args":{"step":5,"bytes":0}})");
}

TEST_CASE("traced: the communicator it refers to, with sums of threads inside the wait") {
  run_ranks(3, [](thread_rank& rank) {
    comm_trace trace;
    trace.start(8);
    traced comm(rank, trace);
    testing::check_communicator(comm, 10007);
    testing::require(comm.bytes_sent() == rank.bytes_sent() && comm.rank() == rank.rank() && comm.ranks() == 3, "what traced() refers to");
    const auto spans = trace.spans();
    int sums = 0;
    for (const auto& s : spans) sums += s.what == kind::sum;
    testing::require(sums >= 90, std::to_string(sums) + " sums in the trace");
    testing::require(sum_times_of(spans).hidden_share() < .01, "sums of threads are not hidden");
  });
  single_process one;
  comm_trace trace;
  trace.start(8);
  traced comm(one, trace);
  testing::check_communicator(comm, 10);
}

}  // namespace
