// SPDX-License-Identifier: Apache-2.0
// One block of CUDA threads on fibers. A thread runs alone until it needs others; then another lane, or another warp, drawn from the
// seed, goes on. What cannot go on any more is a fault, and all that can be said about it is known here.
#pragma once
#include <bit>
#include <cstring>
#include <exception>
#include <functional>
#include <memory>
#include <numeric>
#include <span>
#include <vector>

#include "cuda_thread.hpp"
#include "state.hpp"

namespace emulator::inside {

using raptr::cuda_backend::emulated_margin_bytes, raptr::cuda_backend::emulated_shared_bytes, raptr::cuda_backend::shared_memory;

class block_runner {
 public:
  void run(const running_launch& launch, const uint3& block, coin& draw) {
    launch_ = &launch, block_ = block, draw_ = &draw;
    count_ = launch.block.x * launch.block.y * launch.block.z;
    warps_ = (count_ + 31) / 32;
    if (threads_.size() < count_) threads_.resize(count_);
    block_index = block;
    begin();
    try {
      run_to_end();
      check_margin();
    } catch (...) {
      end();
      throw;
    }
    end();
  }

  // Called by the running thread.
  EMULATOR_UNSEEN static void wait(waits what, unsigned mask, int source, std::uint64_t value, const char* file, int line) {
    cuda_thread& self = *running;
    self.waiting = what, self.mask = mask, self.source = source, self.value = value, self.file = file, self.line = line;
    self.fiber.leave(false);
  }
  EMULATOR_UNSEEN static std::uint64_t received() { return running->value; }

  inline static cuda_thread* running = nullptr;
  inline static int running_lane = 0;

 private:
  cuda_thread* warp(unsigned w) { return threads_.data() + 32 * w; }
  unsigned existing(unsigned w) const { return count_ - 32 * w >= 32 ? ~0u : (1u << (count_ - 32 * w)) - 1; }

  void begin() {
    stacks_.next_block();
    set_ = draw_->below(tsan_threads::sets);
    turn_ = static_cast<unsigned>(draw_->below(count_));
    // NaN for whoever reads what nobody wrote. Behind the block's own part a margin tells who wrote there, where ASan does not.
    renew(shared_memory, sizeof shared_memory);
    unpoison(shared_memory, sizeof shared_memory);
    std::memset(shared_memory, 0xff, launch_->shared_bytes + emulated_margin_bytes);
    poison(shared_memory + launch_->shared_bytes, sizeof shared_memory - launch_->shared_bytes);
    for (unsigned i = 0; i < count_; ++i) threads_[i].started = threads_[i].exited = false;
    for (unsigned w = 0; w < warps_; ++w) ready_[w] = existing(w), waiting_[w] = at_barrier_[w] = 0;
    with_ready_ = warps_ == 32 ? ~0u : (1u << warps_) - 1;
  }

  void end() {
    for (unsigned i = 0; i < count_; ++i) {
      cuda_thread& thread = threads_[i];
      if (!thread.started || thread.exited) continue;
      stop(thread);
      known_threads_.forget(set_, (i + turn_) % count_);
    }
    unpoison(shared_memory, sizeof shared_memory);
    running = nullptr;
  }

  void run_to_end() {
    for (;;) {
      // Both extremes: one warp as far as it gets before any other moves, and all of them step by step.
      const bool far = draw_->toss();
      while (with_ready_ != 0) {
        unsigned left = with_ready_;
        for (std::uint64_t skip = draw_->below(static_cast<std::uint64_t>(std::popcount(left))); skip > 0; --skip) left &= left - 1;
        const unsigned w = static_cast<unsigned>(std::countr_zero(left));
        do {
          run_lanes(w);
          settle(w);
        } while (far && ready_[w] != 0);
        if (ready_[w] == 0) with_ready_ &= ~(1u << w);
      }
      if (all_exited()) return;
      pass_barrier();
    }
  }

  void run_lanes(unsigned w) {
    const std::uint64_t order = draw_->bits();
    const unsigned step = static_cast<unsigned>(order) | 1, first = static_cast<unsigned>(order >> 32);
    const unsigned lanes = std::exchange(ready_[w], 0);
    for (unsigned i = 0; i < 32; ++i) {
      const unsigned lane = (first + i * step) & 31;
      if (lanes >> lane & 1) resume(w, lane);
    }
  }

  void resume(unsigned w, unsigned lane) {
    cuda_thread& thread = warp(w)[lane];
    if (!thread.started) start(thread, 32 * w + lane);
    place(32 * w + lane);
    running = &thread, running_lane = static_cast<int>(lane);
    thread.fiber.enter(thread.tsan);
    running = nullptr;
    if (thread.exited) {
      stop(thread);
      if (thrown) {
        tsan_acquire(launch_->stream->end_of_launch());
        std::rethrow_exception(std::exchange(thrown, nullptr));
      }
    } else {
      (thread.waiting == waits::for_block ? at_barrier_ : waiting_)[w] |= 1u << lane;
    }
  }

  void place(unsigned number) {
    const dim3& size = launch_->block;
    thread_index.x = number % size.x;
    thread_index.y = number / size.x % size.y;
    thread_index.z = number / size.x / size.y;
  }

  void start(cuda_thread& thread, unsigned number) {
    thread.started = true;
    thread.stack = stacks_.take();
    thread.tsan = known_threads_.of(set_, (number + turn_) % count_);
    tsan_acquire_as(thread.tsan, launch_->stream->start_of_launch());
    body = launch_->thread;
    thread.fiber.prepare(stacks_.bottom(thread.stack), number, &main_of_thread);
  }

  void stop(cuda_thread& thread) {
    tsan_release_as(thread.tsan, launch_->stream->end_of_launch());
    stacks_.give_back(thread.stack);
  }

  EMULATOR_UNSEEN static void main_of_thread() {
    cuda_thread& self = *running;
    self.fiber.arrived();
    try {
      (*body)();
    } catch (...) {
      thrown = std::current_exception();
    }
    running->exited = true;
    running->fiber.leave(true);
  }

  bool all_exited() const {
    for (unsigned w = 0; w < warps_; ++w) {
      if (at_barrier_[w] != 0) return false;
    }
    return true;
  }

  /// Of a warp none of whose lanes can run: completes the operations whose lanes have all come, or says why none ever will.
  void settle(unsigned w) {
    cuda_thread* const lanes = warp(w);
    for (unsigned left = waiting_[w]; left != 0;) {
      const unsigned first = static_cast<unsigned>(std::countr_zero(left));
      const unsigned group = lanes[first].mask & existing(w);
      left &= ~(group | 1u << first);
      if (all_at(w, first, group)) complete(w, first, group);
    }
    if (ready_[w] == 0 && waiting_[w] != 0) explain_stuck_warp(w);
  }

  bool same_operation(const cuda_thread& a, const cuda_thread& b) const { return a.waiting == b.waiting && a.mask == b.mask && same_place(a, b); }
  static bool same_place(const cuda_thread& a, const cuda_thread& b) {
    return a.line == b.line && (a.file == b.file || std::strcmp(a.file, b.file) == 0);
  }

  bool all_at(unsigned w, unsigned first, unsigned group) const {
    const cuda_thread* const lanes = threads_.data() + 32 * w;
    if (!(group >> first & 1)) return false;
    for (unsigned rest = group; rest != 0; rest &= rest - 1) {
      const unsigned lane = static_cast<unsigned>(std::countr_zero(rest));
      if (lanes[lane].exited && !current_options.strict) continue;
      if (!(waiting_[w] >> lane & 1) || !same_operation(lanes[lane], lanes[first])) return false;
    }
    return true;
  }

  void complete(unsigned w, unsigned first, unsigned group) {
    cuda_thread* const lanes = warp(w);
    group &= waiting_[w];
    if (lanes[first].waiting == waits::for_warp) order_threads(w, {&group, 1});
    std::uint64_t values[32];
    for (unsigned lane = 0; lane < 32; ++lane) values[lane] = lanes[group >> lane & 1 ? lane : first].value;
    for (unsigned rest = group; rest != 0; rest &= rest - 1) {
      const unsigned lane = static_cast<unsigned>(std::countr_zero(rest));
      cuda_thread& thread = lanes[lane];
      if (thread.waiting == waits::for_shuffle) {
        if (!(group >> thread.source & 1))
          fail(32 * w + lane, text("reads the value of lane %d, which takes no part in this shuffle (mask 0x%08x)", thread.source, thread.mask));
        thread.value = values[thread.source];
      }
    }
    waiting_[w] &= ~group;
    ready_[w] |= group;
  }

  /// For TSan: what any of the threads did before is done before what any of them does next. lanes: of each warp from `first` on.
  void order_threads(unsigned first, std::span<const unsigned> lanes) {
    if constexpr (sees_races) {
      // From the heap, where TSan forgets a tag with its memory: at one address it would hand the order of one block on to the next.
      const auto tag = std::make_unique<char>();
      for_each_lane(first, lanes, [&](cuda_thread& thread) { tsan_release_as(thread.tsan, tag.get()); });
      for_each_lane(first, lanes, [&](cuda_thread& thread) { tsan_acquire_as(thread.tsan, tag.get()); });
    }
  }
  template <class Action> void for_each_lane(unsigned first, std::span<const unsigned> lanes, Action act) {
    for (unsigned left : lanes) {
      for (; left != 0; left &= left - 1) act(warp(first)[std::countr_zero(left)]);
      ++first;
    }
  }

  void pass_barrier() {
    unsigned first = count_;
    for (unsigned i = 0; i < count_; ++i) {
      if (threads_[i].exited) continue;
      if (first == count_) first = i;
      if (!same_place(threads_[i], threads_[first])) fail(i, "waits at another __syncthreads than thread " + name(first) + " at " + call(first));
    }
    for (unsigned i = 0; current_options.strict && i < count_; ++i) {
      if (threads_[i].exited) fail(first, "waits at a __syncthreads that thread " + name(i) + " never reaches: it has exited");
    }
    order_threads(0, {at_barrier_, warps_});
    for (unsigned w = 0; w < warps_; ++w) {
      ready_[w] = std::exchange(at_barrier_[w], 0);
      if (ready_[w] != 0) with_ready_ |= 1u << w;
    }
  }

  [[noreturn]] void explain_stuck_warp(unsigned w) {
    const unsigned first = static_cast<unsigned>(std::countr_zero(waiting_[w]));
    const cuda_thread& thread = warp(w)[first];
    const std::string mask = text(" (mask 0x%08x)", thread.mask);
    if (!(thread.mask >> first & 1)) fail(32 * w + first, "is not in the mask of its own warp operation" + mask);
    for (unsigned rest = thread.mask & existing(w); rest != 0; rest &= rest - 1) {
      const unsigned lane = static_cast<unsigned>(std::countr_zero(rest)), other = 32 * w + lane;
      if (warp(w)[lane].exited) fail(32 * w + first, "waits at a warp operation for thread " + name(other) + ", which has exited" + mask);
      if (at_barrier_[w] >> lane & 1)
        fail(32 * w + first, "waits at a warp operation for thread " + name(other) + ", which waits at __syncthreads at " + call(other) + mask);
      if (!same_operation(warp(w)[lane], thread))
        fail(32 * w + first, "waits at a warp operation for thread " + name(other) + ", which waits at another one at " + call(other) + mask +
                                 text(" (its mask 0x%08x)", warp(w)[lane].mask));
    }
    fail(32 * w + first, "waits for ever at a warp operation" + mask);
  }

  void check_margin() {
    if constexpr (guards_shared_memory) return;
    for (std::size_t i = 0; i < emulated_margin_bytes; ++i) {
      if (shared_memory[launch_->shared_bytes + i] != 0xff)
        throw fault(text("byte %zu of shared memory was written, but it has %zu", launch_->shared_bytes + i, launch_->shared_bytes) + where());
    }
  }

  std::string name(unsigned i) const {
    const dim3& size = launch_->block;
    return text("(%u, %u, %u)", i % size.x, i / size.x % size.y, i / size.x / size.y);
  }
  std::string call(unsigned i) const { return threads_[i].file + text(":%d", threads_[i].line); }
  std::string where() const { return text(" [block (%u, %u, %u) of ", block_.x, block_.y, block_.z) + *launch_->kernel + "]"; }
  [[noreturn]] void fail(unsigned i, const std::string& what) const { throw fault("thread " + name(i) + " at " + call(i) + " " + what + where()); }

  inline static const std::function<void()>* body = nullptr;
  inline static std::exception_ptr thrown;

  stacks stacks_;
  tsan_threads known_threads_;
  std::size_t set_ = 0;
  unsigned turn_ = 0;  // so that threads of one number are not one thread in blocks of the same set
  std::vector<cuda_thread> threads_;
  const running_launch* launch_ = nullptr;
  coin* draw_ = nullptr;
  uint3 block_{};
  unsigned count_ = 0, warps_ = 0;
  // One bit a lane of each warp: can run, waits for its warp, waits for the block. A lane in none of them has exited.
  unsigned ready_[32] = {}, waiting_[32] = {}, at_barrier_[32] = {};
  unsigned with_ready_ = 0;  // one bit a warp
};

}  // namespace emulator::inside
