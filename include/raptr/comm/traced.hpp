// SPDX-License-Identifier: Apache-2.0
// A communicator that writes down what another one does: when each sum was given and when it was carried out, and when the rank waited. Where
// the other one does not report what it has carried out (on_completion), sums are taken to be carried out in finish(), as those of threads are.
#pragma once

#include <deque>
#include <mutex>

#include <raptr/comm/comm_trace.hpp>
#include <raptr/comm/communicator.hpp>
#include <raptr/comm/single_process.hpp>

namespace raptr {

/// Refers to both, which must outlive it. While the trace records nothing, a call costs a lock more than one of `comm`.
template <communicator Comm> class traced {
  static constexpr bool reports = requires(Comm & c) {
    c.on_completion([] {});
  };
  using kind = comm_trace::kind;
  using clock = comm_trace::clock;

 public:
  traced(Comm& comm, comm_trace& trace) : comm_(comm), trace_(trace) {
    if constexpr (reports) comm_.on_completion([this] { complete_oldest(); });
  }
  traced(const traced&) = delete;
  traced& operator=(const traced&) = delete;
  ~traced() {
    if constexpr (reports) comm_.on_completion({});
  }

  int rank() const { return comm_.rank(); }
  int ranks() const { return comm_.ranks(); }
  template <class Ops, class T> void sum(Ops& ops, std::span<T> data, const comm_operation& at) {
    begin(data.size_bytes(), at);
    comm_.sum(ops, data, at);
  }
  // The halves of a sum, where the other communicator has them.
  template <class Ops, class T>
  void reduce_scatter(Ops& ops, std::span<T> data, std::span<const std::int64_t> bounds, const comm_operation& at) requires requires(Comm& c) {
    c.reduce_scatter(ops, data, bounds, at);
  }
  {
    begin(data.size_bytes(), at);
    comm_.reduce_scatter(ops, data, bounds, at);
  }
  template <class Ops, class T>
  void all_gather(Ops& ops, std::span<T> data, std::span<const std::int64_t> bounds, const comm_operation& at) requires requires(Comm& c) {
    c.all_gather(ops, data, bounds, at);
  }
  {
    begin(data.size_bytes(), at);
    comm_.all_gather(ops, data, bounds, at);
  }
  template <class Ops> void finish(Ops& ops, const comm_operation& at) {
    const auto begin = clock::now();
    const bool records = trace_.come_to(at, begin);
    comm_.finish(ops, at);
    if constexpr (!reports) complete_all_since(begin);
    if (records) trace_.go_on(kind::waiting, at, 0, clock::now());
  }
  void gather(std::span<const std::byte> mine, std::span<std::byte> all, const comm_operation& at) {
    const bool records = trace_.come_to(at, clock::now());
    if (reports && ranks() > 1) give({kind::gathering, at, 0, {}, {}}, false);  // it is reported too, in its turn
    comm_.gather(mine, all, at);
    if (records) trace_.go_on(kind::gathering, at, mine.size(), clock::now());
  }
  void end_all(std::string_view why) noexcept { comm_.end_all(why); }
  std::uint64_t bytes_sent() const { return comm_.bytes_sent(); }

 private:
  struct given_call {
    comm_trace::span span;
    bool recorded;
  };
  void begin(std::uint64_t bytes, const comm_operation& at) {
    const auto now = clock::now();
    const bool records = trace_.come_to(at, now);
    if (ranks() > 1) give({kind::sum, at, bytes, now, {}}, records);
  }
  void give(const comm_trace::span& s, bool recorded) {
    const std::lock_guard lock(mutex_);
    given_.push_back({s, recorded});
  }
  void complete_oldest() {
    const std::lock_guard lock(mutex_);
    given_call& oldest = given_.front();
    oldest.span.end = clock::now();
    if (oldest.recorded) trace_.add(oldest.span);
    given_.pop_front();
  }
  void complete_all_since(comm_trace::time begin) {
    for (given_call& one : given_) one.span.begin = begin;
    while (!given_.empty()) complete_oldest();
  }

  Comm& comm_;
  comm_trace& trace_;
  std::mutex mutex_;
  std::deque<given_call> given_;  // to comm_, and not carried out yet
};
static_assert(communicator<traced<single_process>>);

}  // namespace raptr
