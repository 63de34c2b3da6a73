// SPDX-License-Identifier: Apache-2.0
// Ranges of the arenas as a list that numbers its chunks while it grows: how the work of a walk is cut is then known to
// host and device, and the same on every backend.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <raptr/backend/ops.hpp>
#include <raptr/tensor/buffer.hpp>

namespace raptr {

class range_list {
 public:
  void push_back(walk_range range) {
    range.chunk = chunks_, chunks_ += chunks_of(range.length);
    list_.push_back(range);
  }
  void clear() { list_.clear(), chunks_ = 0; }

  std::size_t size() const { return list_.size(); }
  bool empty() const { return list_.empty(); }
  const walk_range& operator[](std::size_t k) const { return list_[k]; }
  auto begin() const { return list_.begin(); }
  auto end() const { return list_.end(); }
  const std::vector<walk_range>& ranges() const { return list_; }
  std::int64_t chunks() const { return chunks_; }

 private:
  std::vector<walk_range> list_;
  std::int64_t chunks_ = 0;
};

/// The list, uploaded. `to` holds it until the next upload.
template <class Ops> walk_list walk_list_of(const range_list& host, buffer<walk_range, Ops>& to) {
  return {to.put(host.ranges()), static_cast<int>(host.size()), host.chunks()};
}

}  // namespace raptr
