// SPDX-License-Identifier: Apache-2.0
// The calls of a rank on MPI, carried out in their order, in pieces. Every rank sends each other one that one's share of the array, adds
// up its own share in the order of ranks, and sends the sum to all. Nothing here waits: advance() does what can be done and returns.
#pragma once

#include <mpi.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include <raptr/base/share.hpp>
#include <raptr/comm/mpi_messages.hpp>
#include <raptr/comm/rank_order_sum.hpp>

namespace raptr {

/// A sum, if it has `add`; else every rank has its own share. Each gets the shares of the others if it is given back.
struct mpi_call {
  comm_operation at;
  mpi_header header;
  std::vector<std::int64_t> bounds;  // of the shares, in elements
  std::byte* data = nullptr;
  std::int64_t width = 1;  // bytes of an element
  void (*add)(std::span<const std::byte* const> parts, std::byte* to, std::int64_t n) = nullptr;
  bool gives_back = true;

  template <class T> static void add_as(std::span<const std::byte* const> parts, std::byte* to, std::int64_t n) {
    std::vector<const T*> typed;
    for (const std::byte* part : parts) typed.push_back(reinterpret_cast<const T*>(part));
    sum_in_rank_order<T>(typed, reinterpret_cast<T*>(to), n);
  }
};

/// Used by one thread at a time.
class mpi_calls {
  using clock = std::chrono::steady_clock;
  static constexpr std::int64_t piece_bytes = std::int64_t(1) << 20;  // of the share of each rank
  static constexpr std::size_t most_pieces = 2;                       // one is added up while the other one is under way

 public:
  /// Takes a copy of the communicator, in which no message meets those of the program. Throws comm_error where not all ranks do.
  mpi_calls(MPI_Comm of, const comm_limits& limits) : limits_(limits) {
    MPI_Comm_rank(of, &rank_);
    MPI_Comm_size(of, &ranks_);
    const comm_operation start{.name = "start of the run"};
    MPI_Request copy = MPI_REQUEST_NULL;
    if (const int code = MPI_Comm_idup(of, &comm_, &copy); code != MPI_SUCCESS) errors::mpi_call_fails(start, rank_, "MPI_Comm_idup", code);
    for (int done = 0; MPI_Test(&copy, &done, MPI_STATUS_IGNORE) == MPI_SUCCESS && !done; pause())
      if (clock::now() - moved_ > std::chrono::duration<double>(limits.slow)) errors::ranks_do_not_start(start, rank_, ranks_, limits.slow);
    MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN);
  }
  int rank() const { return rank_; }
  int ranks() const { return ranks_; }
  std::uint64_t bytes_sent() const { return sent_.load(std::memory_order_relaxed); }
  void abort() { MPI_Abort(comm_, 1); }
  void free() { MPI_Comm_free(&comm_); }

  bool idle() const { return calls_.empty(); }
  void push(const mpi_call& call) {
    if (idle()) moved_ = looked_ = clock::now();
    calls_.push_back({call, pieces_of(call)});
  }
  /// Returns how many calls it has completed. Throws comm_error.
  std::uint64_t advance() {
    leave_out_stops();
    while (pieces_.size() < most_pieces && start_piece()) moved_ = clock::now();
    for (piece& p : pieces_)
      while (advance(p)) moved_ = clock::now();
    std::uint64_t completed = 0;
    while (!pieces_.empty() && pieces_.front().at == stage::done) {
      spare_.push_back(std::move(pieces_.front().parts));
      pieces_.pop_front();
      if (++calls_.front().done == calls_.front().pieces) calls_.pop_front(), --next_, ++completed;
    }
    if (!pieces_.empty()) check_limit(pieces_.front());
    return completed;
  }
  /// After an advance() that had nothing to do. Sleeps a quarter of the time without news, because the processor is needed for computing:
  /// a sum takes little longer than with a thread that spins, and a long wait costs no more than 5,000 looks a second.
  void pause() const {
    const auto idle_for = std::chrono::duration_cast<std::chrono::microseconds>(clock::now() - moved_);
    if (idle_for.count() < 10)
      std::this_thread::yield();
    else
      std::this_thread::sleep_for(std::clamp(idle_for / 4, std::chrono::microseconds(10), std::chrono::microseconds(200)));
  }

 private:
  struct queued_call : mpi_call {
    std::int64_t pieces, started = 0, done = 0;
    bool all_came = false;
  };
  enum class stage { meeting, parts, sums, done };
  struct piece {
    queued_call* call;
    std::int64_t number;  // in its call
    int tag;              // the first of three
    mpi_messages headers, messages;
    std::vector<mpi_header> heard;
    std::vector<std::byte> parts;  // of the other ranks
    stage at = stage::meeting;
  };

  std::int64_t pieces_of(const mpi_call& c) const {
    std::int64_t largest = 0;
    for (std::size_t r = 1; r < c.bounds.size(); ++r) largest = std::max(largest, c.bounds[r] - c.bounds[r - 1]);
    return std::max<std::int64_t>(1, (largest * c.width + piece_bytes - 1) / piece_bytes);
  }
  /// What a piece has of the share of a rank.
  index_range range_of(const piece& p, int rank) const {
    const auto r = static_cast<std::size_t>(rank);
    const index_range share{p.call->bounds[r], p.call->bounds[r + 1]};
    const std::int64_t each = piece_bytes / p.call->width, first = std::min(share.last, share.first + p.number * each);
    return {first, std::min(share.last, first + each)};
  }
  template <class F> void for_others(F f) {  // each rank begins with the next one, so that not all send to rank 0 first
    for (int k = 1; k < ranks_; ++k) f((rank_ + k) % ranks_);
  }
  void send(piece& p, index_range range, int to, int tag) {
    if (range.size() == 0) return;
    p.messages.send(p.call->data + range.first * p.call->width, range.size() * p.call->width, to, tag, p.call->at);
    sent_.fetch_add(static_cast<std::uint64_t>(range.size() * p.call->width), std::memory_order_relaxed);
  }
  void receive(piece& p, std::byte* to, index_range range, int from, int tag) {
    if (range.size() > 0) p.messages.receive(to, range.size() * p.call->width, from, tag, p.call->at);
  }

  bool start_piece() {
    if (next_ == calls_.size()) return false;
    queued_call& c = calls_[next_];
    piece& p = pieces_.emplace_back(piece{&c, c.started, 3 * tag_, {comm_, rank_}, {comm_, rank_}, {}, {}});
    tag_ = (tag_ + 1) % 4096;  // MPI has 32,768 tags at least
    if (++c.started == c.pieces) ++next_;
    if (p.number == 0) {
      p.heard.resize(static_cast<std::size_t>(ranks_));
      for_others([&](int r) { p.headers.receive(&p.heard[static_cast<std::size_t>(r)], sizeof(mpi_header), r, p.tag, c.at); });
      for_others([&](int r) { p.headers.send(&c.header, sizeof(mpi_header), r, p.tag, c.at); });
    }
    if (c.add) for_others([&](int r) { send(p, range_of(p, r), r, p.tag + 1); });
    return true;
  }
  /// False if the piece waits for other ranks, or is done.
  bool advance(piece& p) {
    queued_call& c = *p.call;
    if (p.at == stage::meeting) {
      if (p.number > 0 ? !c.all_came : !p.headers.all_done(c.at)) return false;
      if (p.number == 0) check_headers(p);
      c.all_came = true;
      if (c.add)
        receive_parts(p), p.at = stage::parts;
      else
        exchange_sums(p), p.at = stage::sums;
      return true;
    }
    if (p.at == stage::done || !p.messages.all_done(c.at)) return false;
    if (p.at == stage::parts) add_parts(p);
    if (p.at == stage::parts && c.gives_back)
      exchange_sums(p), p.at = stage::sums;
    else
      p.at = stage::done;
    return true;
  }
  void check_headers(const piece& p) const {
    for (int r = 0; r < ranks_; ++r)
      if (const mpi_header& there = p.heard[static_cast<std::size_t>(r)]; r != rank_ && there != p.call->header)
        errors::ranks_do_different_things(rank_, p.call->header.text(), r, there.text());
  }
  void receive_parts(piece& p) {
    const index_range own = range_of(p, rank_);
    if (!spare_.empty()) p.parts = std::move(spare_.back()), spare_.pop_back();
    if (const auto needed = static_cast<std::size_t>((ranks_ - 1) * own.size() * p.call->width); p.parts.size() < needed) p.parts.resize(needed);
    for_others([&](int r) { receive(p, part_of(p, r), own, r, p.tag + 1); });
  }
  std::byte* part_of(piece& p, int r) const { return p.parts.data() + (r < rank_ ? r : r - 1) * range_of(p, rank_).size() * p.call->width; }
  void add_parts(piece& p) const {
    const index_range own = range_of(p, rank_);
    std::byte* const to = p.call->data + own.first * p.call->width;
    std::vector<const std::byte*> parts;
    for (int r = 0; r < ranks_; ++r) parts.push_back(r == rank_ ? to : part_of(p, r));
    p.call->add(parts, to, own.size());
  }
  void exchange_sums(piece& p) {
    for_others([&](int r) {
      const index_range theirs = range_of(p, r);
      receive(p, p.call->data + theirs.first * p.call->width, theirs, r, p.tag + 2);
    });
    for_others([&](int r) { send(p, range_of(p, rank_), r, p.tag + 2); });
  }
  /// A process that was stopped, by a shell or a batch system, has not waited meanwhile. Looks are 0.2 ms apart, on a busy machine some more.
  void leave_out_stops() {
    const clock::time_point now = clock::now();
    if (const auto gap = now - std::exchange(looked_, now); gap > std::chrono::milliseconds(500)) moved_ += gap;
  }
  void check_limit(piece& p) {
    const double limit = limits_.of(p.call->at);
    if (clock::now() - moved_ < std::chrono::duration<double>(limit)) return;
    mpi_messages& awaited = p.at == stage::meeting ? p.headers : p.messages;
    if (const std::vector<int> missing = awaited.missing(p.call->at); !missing.empty())
      errors::ranks_do_not_answer(p.call->at, rank_, missing, limit);
  }

  comm_limits limits_;
  MPI_Comm comm_ = MPI_COMM_NULL;
  int rank_ = 0, ranks_ = 1, tag_ = 0;
  clock::time_point moved_ = clock::now(), looked_ = moved_;  // the last news, the last advance()
  std::deque<queued_call> calls_;
  std::size_t next_ = 0;  // the first of them with a piece to start
  std::deque<piece> pieces_;
  std::vector<std::vector<std::byte>> spare_;
  std::atomic<std::uint64_t> sent_ = 0;
};

}  // namespace raptr
