// SPDX-License-Identifier: Apache-2.0
// NCCL's calls. Work is done in the order of its stream, when all ranks have come to it; until then the stream stands still and the host goes
// on. A non-blocking communicator puts work on its stream some questions for its state later than the call.
#pragma once
#include <nccl.h>

#include <mutex>

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

inline std::vector<std::unique_ptr<ncclComm>> all_communicators;
inline std::mutex communicators_mutex;

inline ncclComm& usable(ncclComm_t comm, const char* call) {
  const std::lock_guard lock(communicators_mutex);
  for (const auto& each : all_communicators)
    if (each.get() == comm && !comm->aborted && !comm->ended) return *comm;
  throw fault(text("%s: the communicator does not exist, or not any more", call));
}
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

struct open_group {
  int depth = 0;
  ncclComm* comm = nullptr;
  CUstream_st* stream = nullptr;
  std::vector<rank_work> works;
};
inline open_group current_group;

inline ncclResult_t put_group() {
  open_group now = std::exchange(current_group, {});
  if (!now.comm) return ncclSuccess;
  ncclComm& comm = *now.comm;
  const auto work = std::make_shared<group_work>(comm, std::move(now.works), *now.stream);
  const auto put = [work, stream = now.stream] {
    enqueue(
        *stream, [] {}, [work] { return work->progress(); });
  };
  coin draw(current_options.seed ^ (0xbf58476d1ce4e5b9u * ++comm.groups));
  if (comm.blocking || draw.toss()) {
    put();
    return ncclSuccess;
  }
  comm.late = put, comm.questions = 1 + static_cast<int>(draw.below(3)), comm.in_progress = true;
  return ncclInProgress;
}
inline ncclResult_t add_work(ncclComm_t handle, cudaStream_t stream, rank_work work) {
  const host_unseen host;
  ncclComm& comm = usable(handle, work.kind.c_str());
  if (!comm.connected) throw fault("a collective of NCCL before its communicator is connected");
  if (comm.in_progress) throw fault(text("NCCL's %s while the call before it is in progress", work.kind.c_str()));
  if (!known(stream)) return ncclInvalidArgument;
  const bool message = work.kind == "send" || work.kind == "receive";
  if (message && (work.peer < 0 || work.peer >= comm.ranks)) return ncclInvalidArgument;
  if (work.bytes() > largest_array) throw fault(text("the emulated NCCL passes %zu bytes at most", largest_array));
  if ((current_group.comm && current_group.comm != handle) || (current_group.stream && current_group.stream != stream))
    throw fault("a group of NCCL has one communicator and one stream here");
  work.number = !message ? ++comm.collectives : work.kind == "send" ? ++comm.sent[work.peer] : ++comm.received[work.peer];
  current_group.comm = &comm, current_group.stream = stream;
  current_group.works.push_back(std::move(work));
  return current_group.depth > 0 ? ncclSuccess : put_group();
}

}  // namespace emulator::inside

const char* ncclGetErrorString(ncclResult_t result) {
  constexpr const char* words[] = {"no error",
                                   "unhandled cuda error",
                                   "unhandled system error",
                                   "internal error",
                                   "invalid argument",
                                   "invalid usage",
                                   "remote process exited or there was a network error",
                                   "NCCL operation in progress"};
  return result >= 0 && result <= ncclInProgress ? words[result] : "unknown result code";
}
const char* ncclGetLastError(ncclComm_t) { return ""; }
ncclResult_t ncclGetVersion(int* version) { return *version = emulator::options().nccl.version, ncclSuccess; }
ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  using namespace emulator::inside;
  if (!shared) share_memory();
  const int number = shared->groups++;
  if (number >= most_groups) throw emulator::fault("too many communicators of NCCL in one test");
  shared->group[number].seed = current_options.nccl.seed;
  *id = {};
  std::snprintf(id->internal, sizeof id->internal, "emulated %d", number);
  return ncclSuccess;
}
ncclResult_t ncclCommInitRankConfig(ncclComm_t* comm, int ranks, ncclUniqueId id, int rank, ncclConfig_t* config) {
  using namespace emulator::inside;
  int number = -1;
  if (!shared || std::sscanf(id.internal, "emulated %d", &number) != 1 || number < 0 || number >= shared->groups) return ncclInvalidArgument;
  if (rank < 0 || rank >= ranks || ranks > most_ranks) return ncclInvalidArgument;
  if (current_options.devices == 0) return ncclUnhandledCudaError;
  auto made = std::make_unique<ncclComm>();
  made->group = &shared->group[number], made->rank = rank, made->ranks = ranks;
  made->blocking = !config || config->blocking != 0, made->reports_ends = current_options.nccl.reports_ends;
  const std::string bus = bus_of(current_device);
  bus.copy(made->group->bus[rank], sizeof made->group->bus[rank] - 1);
  made->group->ranks = ranks;
  ++made->group->joined;
  *comm = made.get();
  const std::lock_guard lock(communicators_mutex);
  all_communicators.push_back(std::move(made));
  if (!(*comm)->blocking) return ncclInProgress;
  while ((*comm)->group->joined < ranks) std::this_thread::sleep_for(std::chrono::microseconds(50));
  (*comm)->connected = true;
  return ncclSuccess;
}
ncclResult_t ncclCommGetAsyncError(ncclComm_t handle, ncclResult_t* error) {
  using namespace emulator::inside;
  ncclComm& comm = usable(handle, "ncclCommGetAsyncError");
  shared_group& group = *comm.group;
  *error = ncclSuccess;
  for (int r = 0; r < comm.ranks; ++r) {
    if (comm.reports_ends && group.gone[r]) return *error = ncclRemoteError, ncclSuccess;
    if (group.joined < comm.ranks) return *error = ncclInProgress, ncclSuccess;
    if (r != comm.rank && std::string(group.bus[r]) == group.bus[comm.rank]) return *error = ncclInvalidUsage, ncclSuccess;
  }
  comm.connected = true;
  if (!comm.in_progress) return ncclSuccess;
  *error = ncclInProgress;
  if (std::this_thread::get_id() != comm.owner || --comm.questions > 0) return ncclSuccess;
  const host_unseen host;
  std::exchange(comm.late, {})();
  comm.in_progress = false;
  *error = ncclSuccess;
  return ncclSuccess;
}
ncclResult_t ncclCommFinalize(ncclComm_t handle) {
  ncclComm& comm = emulator::inside::usable(handle, "ncclCommFinalize");
  if (comm.blocking) return ncclSuccess;
  comm.late = [] {}, comm.questions = 2, comm.in_progress = true;
  return ncclInProgress;
}
ncclResult_t ncclCommDestroy(ncclComm_t handle) { return emulator::inside::usable(handle, "ncclCommDestroy").ended = true, ncclSuccess; }
ncclResult_t ncclCommAbort(ncclComm_t handle) {
  ncclComm& comm = emulator::inside::usable(handle, "ncclCommAbort");
  comm.group->gone[comm.rank] = 1;
  return comm.aborted = true, ncclSuccess;
}

ncclResult_t ncclAllReduce(const void* from, void* to, std::size_t count, ncclDataType_t type, ncclRedOp_t, ncclComm_t comm, cudaStream_t stream) {
  return type == ncclUint8 ? ncclInvalidArgument : emulator::inside::add_work(comm, stream, {"all-reduce", from, to, count, type, -1, 0});
}
ncclResult_t ncclAllGather(const void* from, void* to, std::size_t count, ncclDataType_t type, ncclComm_t comm, cudaStream_t stream) {
  return emulator::inside::add_work(comm, stream, {"all-gather", from, to, count, type, -1, 0});
}
ncclResult_t ncclSend(const void* from, std::size_t count, ncclDataType_t type, int peer, ncclComm_t comm, cudaStream_t stream) {
  return emulator::inside::add_work(comm, stream, {"send", from, nullptr, count, type, peer, 0});
}
ncclResult_t ncclRecv(void* to, std::size_t count, ncclDataType_t type, int peer, ncclComm_t comm, cudaStream_t stream) {
  return emulator::inside::add_work(comm, stream, {"receive", nullptr, to, count, type, peer, 0});
}
ncclResult_t ncclGroupStart() { return ++emulator::inside::current_group.depth, ncclSuccess; }
ncclResult_t ncclGroupEnd() {
  using namespace emulator::inside;
  if (current_group.depth == 0) return ncclInvalidUsage;
  return --current_group.depth > 0 ? ncclSuccess : put_group();
}
