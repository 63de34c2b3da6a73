// SPDX-License-Identifier: Apache-2.0
// The ranks of a run: processes or threads that train one model together. Every rank has all weights and makes the same calls in the
// same order. A sum is the same on every rank, so that all ranks go on with equal bits.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <raptr/backend/counting.hpp>
#include <raptr/comm/operation.hpp>

namespace raptr {

/// rank()         0 to ranks() - 1
/// sum            enqueues: every element becomes its sum over the ranks, in the type of the array, with the same bits on all of them; the
///                order is ((r0 + r1) + r2) + ..., unless an engine names another one. data: device memory of ops, which holds what
///                was enqueued there before. It may be read and written again after finish().
/// reduce_scatter half of a sum: rank r has the sums of elements bounds[r] to bounds[r + 1] - 1 alone; what the rest of its array holds is
///                not defined. In the order of ranks on every engine. bounds: ranks() + 1 numbers that rise from 0 to data.size(), the same on
///                each rank
/// all_gather     the other half: every rank has elements bounds[r] to bounds[r + 1] - 1 as they are on rank r
/// finish         what is enqueued on ops from here on sees the results of all of these so far
/// gather         waits: all = what every rank gave as `mine`, in the order of ranks. Host memory, trivially copyable bytes, the same
///                number on each rank: all.size() = ranks() * mine.size()
/// end_all        this rank cannot go on and says why: the others end too. Never throws; may end the process.
/// bytes_sent     by this rank to others so far
/// check          may be missing: throws what is known to have failed since the last call, for an engine that works later than it is called
///
/// All but end_all() throw comm_error, which names operation, step and ranks, where another rank has ended, does not answer within the
/// limit, or makes another call than this one.
template <class T>
concept communicator = requires(T& c, const T& k, counting_ops<float, float>& ops, std::span<float> f, std::span<double> d,
                                std::span<const std::int64_t> bounds, std::span<const std::byte> mine, std::span<std::byte> all,
                                const comm_operation& o, std::string_view why) {
  { k.rank() } -> std::same_as<int>;
  { k.ranks() } -> std::same_as<int>;
  c.sum(ops, f, o);
  c.sum(ops, d, o);
  c.reduce_scatter(ops, f, bounds, o);
  c.reduce_scatter(ops, d, bounds, o);
  c.all_gather(ops, f, bounds, o);
  c.all_gather(ops, d, bounds, o);
  c.finish(ops, o);
  c.gather(mine, all, o);
  c.end_all(why);
  { k.bytes_sent() } -> std::same_as<std::uint64_t>;
};

}  // namespace raptr
