// SPDX-License-Identifier: Apache-2.0
// A step allocates nothing once every buffer has had its largest size. Every operator new of this program is counted. With
// one thread, because a thread that sleeps through the first steps makes its room later.
#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "small_run.hpp"

using namespace raptr;
using namespace raptr::testing;

namespace {
std::atomic<std::int64_t> allocations = 0;
void* counted(std::size_t size, std::size_t alignment) {
  ++allocations;
  void* const p = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (!p) throw std::bad_alloc();
  return p;
}
}  // namespace

void* operator new(std::size_t size) { return counted(size ? size : 1, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t alignment) { return counted(size ? size : 1, static_cast<std::size_t>(alignment)); }
// Those that answer null would call the two above, but for the sanitizers, which bring their own.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return counted(size ? size : 1, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return counted(size ? size : 1, static_cast<std::size_t>(alignment));
}
// Inlined, they make g++ 12 warn of a free() of what new returned.
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }

namespace {
template <class Block, class Objective> void allocates_nothing_after(std::int64_t warm, dropped_update dropped) {
  small_run<host_device, Block, Objective> run("constant:3", dropped, {.lr = 1e-3}, run_shape, host_options{1});
  const token_list text(200);
  std::int64_t before = -1, after = -1;
  run.trainer.run(text, {.steps = 200, .batch = 4, .accumulate = 2}, [&](const step_report& r) {
    if (r.step == warm) before = allocations;
    if (r.step == 198) after = allocations;
  });
  CHECK(before > 0);
  CHECK(after - before == 0);
}
}  // namespace

TEST_CASE("Steps of a GPT allocate nothing after the first ones") {
  allocates_nothing_after<gpt2_block, causal_lm>(20, dropped_update::zero_gradient);
}
TEST_CASE("Steps of a BERT allocate nothing after the first ones") { allocates_nothing_after<bert_block, masked_lm>(60, dropped_update::frozen); }
