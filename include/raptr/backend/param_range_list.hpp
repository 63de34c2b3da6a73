// SPDX-License-Identifier: Apache-2.0
// A list of parameter ranges on the host. It numbers the chunks of its ranges while it grows, so the same cut of the work is
// known to host and device, on every backend.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <raptr/backend/param_range.hpp>
#include <raptr/tensor/buffer.hpp>

namespace raptr {

class param_range_list {
 public:
  void push_back(param_range range) {
    range.chunk = chunks_, chunks_ += chunks_of(range.length);
    list_.push_back(range);
  }
  void clear() { list_.clear(), chunks_ = 0; }

  std::size_t size() const { return list_.size(); }
  bool empty() const { return list_.empty(); }
  const param_range& operator[](std::size_t k) const { return list_[k]; }
  auto begin() const { return list_.begin(); }
  auto end() const { return list_.end(); }
  const std::vector<param_range>& ranges() const { return list_; }
  std::int64_t chunks() const { return chunks_; }

 private:
  std::vector<param_range> list_;
  std::int64_t chunks_ = 0;
};

/// Copies the list to the device. `to` holds it until the next upload.
template <class Ops> param_ranges uploaded_ranges(const param_range_list& host, buffer<param_range, Ops>& to) {
  return {to.put(host.ranges()), static_cast<int>(host.size()), host.chunks()};
}

}  // namespace raptr
