// SPDX-License-Identifier: Apache-2.0
// Owning device memory. It never shrinks, and growing discards the contents: a step table of varying length allocates a
// few times in a run, not once a step.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include <raptr/base/config.hpp>

namespace raptr {

template <class T, class Ops> class buffer {
 public:
  explicit buffer(Ops& ops, std::size_t size = 0) : ops_(&ops) { resize(size); }
  ~buffer() { clear(); }
  buffer(buffer&& other) noexcept : ops_(other.ops_), data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  buffer& operator=(buffer&& other) noexcept {
    if (this != &other) {
      clear();
      ops_ = other.ops_, data_ = std::exchange(other.data_, nullptr), size_ = std::exchange(other.size_, 0);
    }
    return *this;
  }

  T* data() const { return data_; }
  std::size_t size() const { return size_; }

  /// At least `size` objects, uninitialised if it has to grow.
  void resize(std::size_t size) {
    if (size <= size_) return;
    clear();
    data_ = ops_->template allocate<T>(size), size_ = size;
  }
  /// Uploads all of `host`, growing by doubling.
  const T* put(const std::vector<T>& host) {
    if (host.size() > size_) resize(2 * host.size());
    if (!host.empty()) ops_->upload(data_, host.data(), host.size());
    return data_;
  }

 private:
  void clear() {
    if (data_) ops_->release(data_);
    data_ = nullptr, size_ = 0;
  }
  Ops* ops_;
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Copies device memory to the host, after all work submitted before.
template <class T, class Ops> std::vector<T> download(Ops& ops, const T* device, std::size_t size) {
  std::vector<T> host(size);
  if (size) ops.wait(ops.fetch(host.data(), device, size));
  return host;
}

}  // namespace raptr
