// SPDX-License-Identifier: Apache-2.0
// NCCL's calls. Work is done in the order of its stream, when all ranks have come to it; until then the stream stands still and the host goes
// on. A non-blocking communicator puts work on its stream some questions for its state later than the call.
#pragma once
#include <mutex>

#include "nccl_work.hpp"

namespace emulator::inside {

inline std::vector<std::unique_ptr<ncclComm>> all_communicators;
inline std::mutex communicators_mutex;

inline ncclComm& usable(ncclComm_t comm, const char* call) {
  const std::lock_guard lock(communicators_mutex);
  for (const auto& each : all_communicators)
    if (each.get() == comm && !comm->aborted && !comm->ended) return *comm;
  throw fault(text("%s: the communicator does not exist, or not any more", call));
}
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
