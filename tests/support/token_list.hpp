// SPDX-License-Identifier: Apache-2.0
// A text without a file: ids of the byte tokenizer by a simple rule that a model can learn, with an end of text here and
// there. Asking for tokens that are not there throws.
#pragma once

#include <cstdint>
#include <span>
#include <stdexcept>

#include <raptr/data/token_source.hpp>

namespace raptr::testing {

class token_list {
 public:
  explicit token_list(std::int64_t size, raptr::vocabulary of = {.size = 40, .end_of_text = 37, .mask = 38, .pad = 39}) : size_(size), of_(of) {}
  std::int64_t size() const { return size_; }
  std::int32_t id(std::int64_t at) const {
    return at % 101 == 100 ? of_.end_of_text : static_cast<std::int32_t>((at * 5 + at / 3 + at * at % 7) % 37);
  }
  void read(std::int64_t first, std::span<std::int32_t> out) const {
    if (first < 0 || first + std::ssize(out) > size_) throw std::out_of_range("tokens that are not there");
    for (std::int32_t& to : out) to = id(first++);
  }
  raptr::vocabulary vocabulary() const { return of_; }

 private:
  std::int64_t size_;
  raptr::vocabulary of_;
};

}  // namespace raptr::testing
