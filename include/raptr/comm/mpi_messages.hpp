// SPDX-License-Identifier: Apache-2.0
// Messages of MPI between this rank and the others. None of the calls here waits.
#pragma once

#include <mpi.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <raptr/comm/mpi_process.hpp>
#include <raptr/comm/operation.hpp>

namespace raptr {

/// What a rank says before the data of a call, so that ranks that do different things notice it and take no data for other data.
struct mpi_header {
  std::int64_t step = -1, size = 0;
  std::int32_t block = -1, may_be_slow = 0;
  std::array<char, 24> type{};
  std::array<char, 80> name{};

  mpi_header() = default;
  mpi_header(const comm_operation& at, std::int64_t elements, std::string_view type_name)
      : step(at.step), size(elements), block(at.block), may_be_slow(at.may_be_slow) {
    type_name.copy(type.data(), type.size() - 1), at.name.copy(name.data(), name.size() - 1);
  }
  bool operator==(const mpi_header&) const = default;
  std::string text() const { return text_of(comm_operation{name.data(), block, step}) + " (" + std::to_string(size) + " " + type.data() + ")"; }
};

/// Messages under way, of one call. Their memory stays where it is until all_done().
class mpi_messages {
 public:
  mpi_messages(MPI_Comm comm, int rank) : comm_(comm), rank_(rank) {}

  void send(const void* data, std::int64_t bytes, int to, int tag, const comm_operation& at) {
    MPI_Request& request = another(to);
    check(MPI_Isend(data, static_cast<int>(bytes), MPI_BYTE, to, tag, comm_, &request), "MPI_Isend", at);
  }
  void receive(void* data, std::int64_t bytes, int from, int tag, const comm_operation& at) {
    MPI_Request& request = another(from);
    check(MPI_Irecv(data, static_cast<int>(bytes), MPI_BYTE, from, tag, comm_, &request), "MPI_Irecv", at);
  }
  bool all_done(const comm_operation& at) {
    if (requests_.empty()) return true;
    int done = 0;
    statuses_.resize(requests_.size());
    const int code = MPI_Testall(static_cast<int>(requests_.size()), requests_.data(), &done, statuses_.data());
    if (code == MPI_ERR_IN_STATUS)
      for (const MPI_Status& status : statuses_)
        if (status.MPI_ERROR != MPI_ERR_PENDING) check(status.MPI_ERROR, "MPI_Testall", at);
    check(code, "MPI_Testall", at);
    if (done) requests_.clear(), others_.clear();
    return done != 0;
  }
  /// The ranks whose messages are not done, in order.
  std::vector<int> missing(const comm_operation& at) {
    std::vector<int> ranks;
    for (std::size_t k = 0; k < requests_.size(); ++k) {
      int done = 0;
      check(MPI_Test(&requests_[k], &done, MPI_STATUS_IGNORE), "MPI_Test", at);
      if (!done) ranks.push_back(others_[k]);
    }
    std::sort(ranks.begin(), ranks.end());
    ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
    return ranks;
  }

 private:
  MPI_Request& another(int rank) {
    others_.push_back(rank);
    return requests_.emplace_back(MPI_REQUEST_NULL);
  }
  void check(int code, std::string_view call, const comm_operation& at) const {
    if (code != MPI_SUCCESS) errors::mpi_call_fails(at, rank_, call, code);
  }

  MPI_Comm comm_;
  int rank_;
  std::vector<MPI_Request> requests_;
  std::vector<int> others_;  // of each request, the other rank
  std::vector<MPI_Status> statuses_;
};

}  // namespace raptr
