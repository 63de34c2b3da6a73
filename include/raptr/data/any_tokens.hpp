// SPDX-License-Identifier: Apache-2.0
// A type-erased token source that owns the source, for programs that choose it at run time. The cost is one virtual call per
// window.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include <raptr/data/token_source.hpp>

namespace raptr {

class any_tokens {
 public:
  template <token_source S>
  requires(!std::same_as<S, any_tokens>) explicit any_tokens(S source) : source_(std::make_unique<holder<S>>(std::move(source))) {}

  std::int64_t size() const { return source_->size(); }
  void read(std::int64_t first, std::span<std::int32_t> out) const { source_->read(first, out); }
  raptr::vocabulary vocabulary() const { return source_->vocabulary(); }

 private:
  struct any_source {
    virtual ~any_source() = default;
    virtual std::int64_t size() const = 0;
    virtual void read(std::int64_t first, std::span<std::int32_t> out) const = 0;
    virtual raptr::vocabulary vocabulary() const = 0;
  };
  template <class S> struct holder final : any_source {
    explicit holder(S s) : source(std::move(s)) {}
    std::int64_t size() const override { return source.size(); }
    void read(std::int64_t first, std::span<std::int32_t> out) const override { source.read(first, out); }
    raptr::vocabulary vocabulary() const override { return source.vocabulary(); }
    S source;
  };

  std::unique_ptr<const any_source> source_;
};
static_assert(token_source<any_tokens>);

}  // namespace raptr
