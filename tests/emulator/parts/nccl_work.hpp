// SPDX-License-Identifier: Apache-2.0
// What NCCL does when a stream comes to one of its groups: a rank leaves what it sends in shared memory and takes what the others left.
// It never waits; who performs the stream asks again.
#pragma once
#include <nccl.h>

#include "ranks.hpp"

struct ncclComm {
  emulator::inside::shared_group* group;
  int rank, ranks;
  bool blocking, reports_ends;
  std::thread::id owner = std::this_thread::get_id();
  std::uint64_t collectives = 0, sent[emulator::inside::most_ranks]{}, received[emulator::inside::most_ranks]{};  // as enqueued
  std::function<void()> late;  // what a call still has to put on its stream
  int questions = 0;           // until it does
  std::uint64_t groups = 0;
  std::atomic<bool> connected{false}, in_progress{false}, aborted{false}, ended{false};
};

namespace emulator::inside {

inline std::size_t bytes_of(ncclDataType_t type) { return type == ncclUint8 ? 1 : type == ncclFloat32 ? 4 : 8; }
inline const char* name_of(ncclDataType_t type) { return type == ncclUint8 ? "bytes" : type == ncclFloat32 ? "floats" : "doubles"; }

/// One call, while its stream is at it.
struct rank_work {
  std::string kind;
  const void* from;
  void* to;
  std::size_t count;
  ncclDataType_t type;
  int peer;
  std::uint64_t number;  // of the collectives of a communicator, or of the messages from one rank to another; from 1
  bool posted = false, done = false;

  std::size_t bytes() const { return count * bytes_of(type); }
  shared_call described() const {
    shared_call call{{}, number, count, type};
    kind.copy(call.kind, sizeof call.kind - 1);
    return call;
  }
};

inline std::string text_of(const shared_call& call) {
  return text("%s of %llu %s", call.kind, static_cast<unsigned long long>(call.count), name_of(static_cast<ncclDataType_t>(call.type)));
}

/// The calls of one group: they make progress together.
class group_work {
 public:
  group_work(ncclComm& comm, std::vector<rank_work> works, CUstream_st& stream) : comm_(comm), works_(std::move(works)), stream_(stream) {}

  /// Whether all are done.
  bool progress() {
    if (comm_.aborted) {
      spoil();
      return true;
    }
    bool done = true;
    bool in_order = true;  // collectives follow one another
    for (rank_work& work : works_) {
      if (work.done) continue;
      if (work.kind == "send")
        work.done = sends(work);
      else if (work.kind == "receive")
        work.done = receives(work);
      else
        work.done = in_order && collects(work), in_order = in_order && work.done;
      done = done && work.done;
    }
    return done;
  }

 private:
  shared_group& group() const { return *comm_.group; }
  void read(const rank_work& work, char* to) const {
    if (!device_memory.holds(work.from, work.bytes(), true))
      throw fault(text("NCCL's %s: %zu bytes do not lie in one live block of device memory", work.kind.c_str(), work.bytes()));
    stream_.thread.reads(work.from, work.bytes());
    std::memcpy(to, work.from, work.bytes());
  }
  void must_write(const rank_work& work, std::size_t bytes) const {
    if (!device_memory.holds(work.to, bytes, true))
      throw fault(text("NCCL's %s: %zu bytes do not lie in one live block of device memory", work.kind.c_str(), bytes));
    stream_.thread.writes(work.to, bytes);
  }
  /// What an aborted collective leaves.
  void spoil() const {
    for (const rank_work& work : works_) {
      const std::size_t bytes = work.bytes() * (work.kind == "all-gather" ? static_cast<std::size_t>(comm_.ranks) : 1);
      if (!work.done && work.to && device_memory.holds(work.to, bytes, true)) must_write(work, bytes), std::memset(work.to, 0xff, bytes);
    }
  }
  /// False where a real device would wait for ever.
  bool agrees(const shared_call& mine, const shared_call& theirs, const std::string& here, const std::string& there) const {
    if (std::string(mine.kind) == theirs.kind && mine.count == theirs.count && mine.type == theirs.type) return true;
    if (current_options.nccl.differences_hang) return false;
    throw fault(text("call %llu of NCCL: %s has %s, %s has %s", static_cast<unsigned long long>(mine.number), here.c_str(), text_of(mine).c_str(),
                     there.c_str(), text_of(theirs).c_str()));
  }

  bool collects(rank_work& work) {
    const int ranks = comm_.ranks;
    if (!work.posted) {
      for (int r = 0; r < ranks; ++r)
        if (group().taken[r] + 1 < work.number) return false;
      read(work, array_of(group(), comm_.rank));
      group().calls[comm_.rank] = work.described();
      group().posted[comm_.rank] = work.number;
      work.posted = true;
    }
    for (int r = 0; r < ranks; ++r)
      if (group().posted[r] < work.number) return false;
    for (int r = 0; r < ranks; ++r)
      if (!agrees(work.described(), group().calls[r], text("rank %d", comm_.rank), text("rank %d", r))) return false;
    if (work.kind == "all-gather") {
      must_write(work, work.bytes() * static_cast<std::size_t>(ranks));
      for (int r = 0; r < ranks; ++r)
        std::memcpy(static_cast<char*>(work.to) + static_cast<std::size_t>(r) * work.bytes(), array_of(group(), r), work.bytes());
    } else {
      must_write(work, work.bytes());
      if (work.type == ncclFloat32)
        add_up<float>(work);
      else
        add_up<double>(work);
    }
    group().taken[comm_.rank] = work.number;
    return true;
  }
  /// Each stretch of elements in an order of its own, the same on all ranks.
  template <class T> void add_up(const rank_work& work) const {
    constexpr std::size_t stretch = 8;
    int order[most_ranks];
    for (std::size_t first = 0; first < work.count; first += stretch) {
      coin draw(group().seed ^ (0x9e3779b97f4a7c15u * work.number) ^ (0xd1342543de82ef95u * (first + 1)));
      for (int r = 0; r < comm_.ranks; ++r) order[r] = r;
      for (int r = comm_.ranks - 1; r > 0; --r) std::swap(order[r], order[draw.below(static_cast<std::uint64_t>(r) + 1)]);
      for (std::size_t i = first; i < std::min(first + stretch, work.count); ++i) {
        T sum = reinterpret_cast<const T*>(array_of(group(), order[0]))[i];
        for (int r = 1; r < comm_.ranks; ++r) sum += reinterpret_cast<const T*>(array_of(group(), order[r]))[i];
        static_cast<T*>(work.to)[i] = sum;
      }
    }
  }
  /// Done when it is received: who sends first on both sides, outside of a group, waits for ever.
  bool sends(rank_work& work) {
    auto &sent = group().sent[comm_.rank][work.peer], &received = group().received[comm_.rank][work.peer];
    if (!work.posted) {
      if (received + 1 < work.number) return false;
      read(work, message_of(group(), comm_.rank, work.peer));
      group().messages[comm_.rank][work.peer] = work.described();
      sent = work.number;
      work.posted = true;
    }
    return received >= work.number;
  }
  bool receives(rank_work& work) {
    if (group().sent[work.peer][comm_.rank] < work.number) return false;
    shared_call mine = work.described(), theirs = group().messages[work.peer][comm_.rank];
    const std::string kind = "message";
    kind.copy(mine.kind, sizeof mine.kind - 1), kind.copy(theirs.kind, sizeof theirs.kind - 1);
    mine.kind[kind.size()] = theirs.kind[kind.size()] = 0;
    if (!agrees(mine, theirs, text("the receive of rank %d from rank %d", comm_.rank, work.peer), "its send")) return false;
    must_write(work, work.bytes());
    std::memcpy(work.to, message_of(group(), work.peer, comm_.rank), work.bytes());
    group().received[work.peer][comm_.rank] = work.number;
    return true;
  }

  ncclComm& comm_;
  std::vector<rank_work> works_;
  CUstream_st& stream_;
};

}  // namespace emulator::inside
