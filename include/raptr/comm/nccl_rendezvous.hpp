// SPDX-License-Identifier: Apache-2.0
// How the ranks of NCCL find each other. NCCL leaves it to the caller to hand an address of rank 0 around. That takes any
// communicator, such as one over MPI, or a folder that all ranks share (nccl_rendezvous_file.hpp).
#pragma once

#include <unistd.h>

#include <concepts>
#include <cstddef>
#include <fstream>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <raptr/comm/nccl_error.hpp>

namespace raptr {

/// The functions of a communicator that need no device.
template <class T>
concept rendezvous = requires(T& meet, const T& k, std::span<const std::byte> mine, std::span<std::byte> all, const comm_operation& at,
                              std::string_view why) {
  { k.rank() } -> std::same_as<int>;
  { k.ranks() } -> std::same_as<int>;
  meet.gather(mine, all, at);
  meet.end_all(why);
};

struct ended_rank {
  int rank;
  std::string why;
};
/// Which other rank has ended, if the rendezvous tells. Called again and again, by another thread.
template <rendezvous Meet> std::optional<ended_rank> ended_rank_of(Meet& meet) {
  if constexpr (requires { meet.ended(); }) return meet.ended();
  return std::nullopt;
}
/// Every rank has left the gathers.
template <rendezvous Meet> void finish_meeting(Meet& meet) {
  if constexpr (requires { meet.finished(); }) meet.finished();
}

/// What a rank shows the others before NCCL starts. NCCL itself would fail, or hang, later and in other words.
struct rank_card {
  int rank = 0, ranks = 0, nccl = 0, device = 0;
  char host[64] = {}, bus[32] = {}, gpu[64] = {};
  char id[128] = {};  // of rank 0
};

/// The same for all programs of a machine, in whatever container: NCCL finds two ranks on a GPU only if their host names are equal.
inline std::string host_identity() {
  std::string boot;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> boot;
  if (!boot.empty()) return boot;
  char name[64] = {};
  ::gethostname(name, sizeof name - 1);
  return name;
}

/// Throws comm_error if these ranks cannot train together.
inline void check_cards(const rank_card& mine, std::span<const rank_card> all) {
  for (const rank_card& other : all) {
    const int rank = static_cast<int>(&other - all.data());
    if (other.rank != rank || other.ranks != mine.ranks) errors::ranks_count_differently(mine.rank, mine.ranks, rank, other.ranks);
    if (other.nccl != mine.nccl) errors::nccl_versions_differ(mine.rank, mine.nccl, rank, other.nccl);
  }
  for (const rank_card& a : all)
    for (const rank_card& b : all.first(static_cast<std::size_t>(a.rank)))
      if (std::string_view(a.host) == b.host && std::string_view(a.bus) == b.bus) errors::ranks_share_gpu(b.rank, a.rank, b.device, b.gpu, b.bus);
}

}  // namespace raptr
