// SPDX-License-Identifier: Apache-2.0
// Ranks with a GPU each, over NCCL. Collectives run on a stream of their own beside the one that computes; events order the two, and the
// host waits in gather() only. What NCCL leaves undefined is checked here: ranks on one GPU, calls that differ, a rank that is silent.
#pragma once

#include <algorithm>
#include <cstring>
#include <functional>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include <raptr/base/share.hpp>
#include <raptr/comm/communicator.hpp>
#include <raptr/comm/nccl_kernels.cuh>

namespace raptr {

/// fastest     ncclAllReduce. The same bits on all ranks, and in every run with the same version of NCCL, topology and algorithm.
/// rank_order  every rank adds up its share of an array in the order of ranks: the bits of thread_rank, on any machine. As many bytes are
///             sent. reduce_scatter() always does.
enum class nccl_sums { fastest, rank_order };

struct nccl_options {
  /// As in cuda_options.
  int device = 0;
  nccl_sums sums = nccl_sums::fastest;
  comm_limits limits{};
};

/// Used by one thread. The errors of a collective come from a later call, or from check(): what the device has computed after it is
/// void. So a caller looks there before it keeps results.
class nccl {
 public:
  /// Returns when all ranks are connected. meet: must outlive this. Throws input_error if GPU or NCCL cannot be used here, and comm_error.
  template <rendezvous Meet> explicit nccl(Meet& meet, const nccl_options& options = {})
      : ctx_(made_or_end_all(meet, [&] { return cuda_backend::context(options.device); })),
        options_(options),
        end_others_([&meet](std::string_view why) { meet.end_all(why); }),
        pinned_(sizeof(nccl_marks)),
        marks_(new (pinned_.data()) nccl_marks),
        link_(made_or_end_all(meet, [&] { return nccl_link(meet.rank(), meet.ranks(), exchange_cards(meet), start, options.limits); })),
        watch_(link_, *marks_, options.limits, [&meet] { return ended_rank_of(meet); }) {
    calls_ = static_cast<nccl_call_words*>(ctx_.memory.allocate(sizeof(nccl_call_words) * std::size_t(ranks() + 1)));
    finish_meeting(meet);
  }
  nccl(const nccl&) = delete;
  nccl& operator=(const nccl&) = delete;
  ~nccl() {
    if (std::uncaught_exceptions() > exceptions_) link_.abort(nullptr);
    (void)cudaStreamSynchronize(ctx_.order());  // under the watch; it writes into memory that is freed next
    link_.close();
  }

  int rank() const { return link_.rank(); }
  int ranks() const { return link_.ranks(); }

  template <class Ops, class T> void sum(Ops& ops, std::span<T> data, const comm_operation& at) {
    const cuda_backend::device_scope here(options_.device);
    const std::vector<std::int64_t> bounds = share_bounds(std::ssize(data), ranks());
    begin_on(ops, data, nccl_elements::floats, nccl_elements::doubles, at);
    if (!data.empty() && options_.sums == nccl_sums::rank_order) add_up_shares(data, bounds, at), exchange_shares(data, bounds, at);
    if (!data.empty() && options_.sums == nccl_sums::fastest)
      link_.enqueue(
          at, [&](ncclComm_t handle) { return ncclAllReduce(data.data(), data.data(), data.size(), type_of<T>, ncclSum, handle, ctx_.order()); });
    end();
    count(data, bounds, true, true);
  }
  template <class Ops, class T> void reduce_scatter(Ops& ops, std::span<T> data, std::span<const std::int64_t> bounds, const comm_operation& at) {
    const cuda_backend::device_scope here(options_.device);
    begin_on(ops, data, nccl_elements::floats_to_owners, nccl_elements::doubles_to_owners, at);
    if (!data.empty()) add_up_shares(data, bounds, at);
    end();
    count(data, bounds, true, false);
  }
  template <class Ops, class T> void all_gather(Ops& ops, std::span<T> data, std::span<const std::int64_t> bounds, const comm_operation& at) {
    const cuda_backend::device_scope here(options_.device);
    begin_on(ops, data, nccl_elements::floats_of_owners, nccl_elements::doubles_of_owners, at);
    if (!data.empty()) exchange_shares(data, bounds, at);
    end();
    count(data, bounds, false, true);
  }
  template <class Ops> void finish(Ops& ops, const comm_operation&) {
    check();
    const cuda_backend::device_scope here(options_.device);
    done_.record(ctx_.order()), done_.hold(ops.order());
  }
  void gather(std::span<const std::byte> mine, std::span<std::byte> all, const comm_operation& at) {
    const cuda_backend::device_scope here(options_.device);
    begin(at, static_cast<std::int64_t>(mine.size()), nccl_elements::bytes);
    std::byte* const there = ctx_.scratch<std::byte>(all.size() + mine.size());
    ctx_.uploads.put(there + all.size(), mine.data(), mine.size());
    link_.enqueue(at, [&](ncclComm_t handle) { return ncclAllGather(there + all.size(), there, mine.size(), ncclUint8, handle, ctx_.order()); });
    end();
    ctx_.fetches.wait(ctx_.fetches.fetch(all.data(), there, all.size()));
    check();
    sent_ += mine.size() * static_cast<std::size_t>(ranks() - 1);
  }
  /// Throws comm_error if the ranks cannot go on. Does not wait.
  void check() { watch_.check(); }
  void end_all(std::string_view why) noexcept {
    try {
      end_others_(why);
      errors::rank_has_ended({"end of this rank"}, rank(), rank(), why);
    } catch (...) {
      link_.abort(std::current_exception());
    }
  }
  std::uint64_t bytes_sent() const { return sent_; }

 private:
  static constexpr comm_operation start{.name = "connection of the ranks by NCCL", .may_be_slow = true};
  template <class T> static constexpr ncclDataType_t type_of = std::is_same_v<T, float> ? ncclFloat32 : ncclFloat64;

  /// make(), which the others wait for. A try block around the constructor would do, but nvcc 13.0 breaks off at it.
  template <class Meet, class F> static auto made_or_end_all(Meet& meet, F make) {
    try {
      return make();
    } catch (const error& e) {
      meet.end_all(e.what());
      throw;
    }
  }
  /// The id of NCCL, when every rank is known to be able to use it.
  template <class Meet> ncclUniqueId exchange_cards(Meet& meet) {
    rank_card mine{.rank = meet.rank(), .ranks = meet.ranks(), .nccl = usable_nccl_version(), .device = options_.device};
    ncclUniqueId id{};
    static_assert(sizeof id == sizeof mine.id);
    if (mine.rank == 0 && ncclGetUniqueId(&id) != ncclSuccess) errors::nccl_failed(start, 0, "it found no network interface", "");
    std::memcpy(mine.id, &id, sizeof id);
    host_identity().copy(mine.host, sizeof mine.host - 1);
    ctx_.device().name.copy(mine.gpu, sizeof mine.gpu - 1);
    cuda_backend::check(cudaDeviceGetPCIBusId(mine.bus, int(sizeof mine.bus), options_.device), "a question for its bus");
    std::vector<rank_card> all(static_cast<std::size_t>(mine.ranks));
    meet.gather(std::as_bytes(std::span(&mine, 1)), std::as_writable_bytes(std::span(all)), start);
    check_cards(mine, all);
    std::memcpy(&id, all[0].id, sizeof id);
    return id;
  }

  template <class Ops, class T> void begin_on(Ops& ops, std::span<T> data, nccl_elements floats, nccl_elements doubles, const comm_operation& at) {
    static_assert(
        requires { ops.order(), ops.device(); }, "raptr: nccl sums arrays of raptr::cuda; take raptr::mpi or raptr::thread_rank elsewhere");
    static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>, "raptr: nccl sums arrays of float or double");
    if (ops.device() != options_.device) errors::model_is_on_another_gpu(at, rank(), options_.device, ops.device());
    ready_.record(ops.order()), ready_.hold(ctx_.order());
    begin(at, std::ssize(data), std::is_same_v<T, float> ? floats : doubles);
  }
  /// What follows on the stream has the same number of elements on all ranks.
  void begin(const comm_operation& at, std::int64_t n, nccl_elements type) {
    check();
    const nccl_call call = nccl_call_of(at, ++number_, n, type);
    watch_.expect(number_, at);
    ctx_.launch("begin of a collective", nccl_kernels::begin_call<>, dim3(1), 1, 0, std::bit_cast<nccl_call_words>(call), calls_ + ranks(), marks_);
    link_.enqueue(
        at, [&](ncclComm_t handle) { return ncclAllGather(calls_ + ranks(), calls_, sizeof(nccl_call_words), ncclUint8, handle, ctx_.order()); });
    ctx_.launch("comparison of calls", nccl_kernels::compare_calls<>, dim3(1), 1, 0, calls_, rank(), ranks(), marks_);
  }
  void end() { ctx_.launch("end of a collective", nccl_kernels::end_call<>, dim3(1), 1, 0, number_, marks_); }

  static index_range share_in(std::span<const std::int64_t> bounds, int rank) { return {bounds[std::size_t(rank)], bounds[std::size_t(rank) + 1]}; }
  /// In the order of ranks.
  template <class T> void add_up_shares(std::span<T> data, std::span<const std::int64_t> bounds, const comm_operation& at) {
    const index_range own = share_in(bounds, rank());
    T* const parts = ctx_.scratch<T>(std::size_t(ranks()) * std::size_t(own.size()));
    // My part of the share of each rank to that rank, and theirs of mine to me.
    exchange(at, [&](message_group& group, int other) {
      const index_range theirs = share_in(bounds, other);
      group.send(data.data() + theirs.first, theirs.size(), other);
      group.receive(parts + other * own.size(), own.size(), other);
    });
    constexpr int threads = 256;
    ctx_.launch("sum in the order of ranks", nccl_kernels::sum_in_rank_order<T>, dim3(unsigned(ceil_div(own.size(), threads))), threads, 0,
                data.data() + own.first, static_cast<const T*>(parts), own.size(), rank(), ranks());
  }
  template <class T> void exchange_shares(std::span<T> data, std::span<const std::int64_t> bounds, const comm_operation& at) {
    const index_range own = share_in(bounds, rank());
    exchange(at, [&](message_group& group, int other) {
      const index_range theirs = share_in(bounds, other);
      group.send(data.data() + own.first, own.size(), other);
      group.receive(data.data() + theirs.first, theirs.size(), other);
    });
  }
  /// Messages of NCCL that are under way together.
  struct message_group {
    ncclComm_t handle;
    cudaStream_t order;
    ncclResult_t status = ncclSuccess;

    template <class T> void send(const T* from, std::int64_t n, int to) {
      if (n > 0) keep_failure(status, ncclSend(from, std::size_t(n), type_of<T>, to, handle, order));
    }
    template <class T> void receive(T* to, std::int64_t n, int from) {
      if (n > 0) keep_failure(status, ncclRecv(to, std::size_t(n), type_of<T>, from, handle, order));
    }
  };
  /// f(group, other) sends to the other rank and receives from it.
  template <class F> void exchange(const comm_operation& at, F f) {
    link_.enqueue(at, [&](ncclComm_t handle) {
      message_group group{handle, ctx_.order()};
      keep_failure(group.status, ncclGroupStart());
      for (int other = 0; other < ranks(); ++other)
        if (other != rank()) f(group, other);
      keep_failure(group.status, ncclGroupEnd());
      return group.status;
    });
  }
  /// As thread_rank counts: each element to the rank that adds it up, and back. A ring of NCCL sends as much; its trees do not. The words of
  /// the comparison, 80 bytes to each rank, are left out.
  template <class T> void count(std::span<T> data, std::span<const std::int64_t> bounds, bool adds, bool sends) {
    const std::int64_t own = share_in(bounds, rank()).size();
    sent_ += sizeof(T) * static_cast<std::uint64_t>((adds ? std::ssize(data) - own : 0) + (sends ? (ranks() - 1) * own : 0));
  }

  int exceptions_ = std::uncaught_exceptions();
  cuda_backend::context ctx_;
  nccl_options options_;
  std::function<void(std::string_view)> end_others_;
  cuda_backend::pinned pinned_;
  nccl_marks* marks_;
  cuda_backend::event ready_, done_;
  nccl_link link_;
  nccl_watch watch_;
  nccl_call_words* calls_ = nullptr;  // of all ranks, and the one that this rank sends
  std::uint64_t number_ = 0, sent_ = 0;
};
static_assert(communicator<nccl>);

}  // namespace raptr
