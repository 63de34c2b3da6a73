// SPDX-License-Identifier: Apache-2.0
// Fibers: stacks, and a switch between them in a few instructions, because swapcontext asks the kernel twice each time. Elsewhere than
// on x86-64 and aarch64, or with EMULATOR_UCONTEXT, swapcontext does it. A fiber that never ends is simply left: its stack is reused.
#pragma once
#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <vector>

#include "sanitizers.hpp"

#if !defined(EMULATOR_UCONTEXT) && !defined(__x86_64__) && !defined(__aarch64__)
#define EMULATOR_UCONTEXT 1
#endif

#ifdef EMULATOR_UCONTEXT
#include <ucontext.h>
#elif defined(__x86_64__)
asm(R"(
.text
.globl emulator_switch_stack
.type emulator_switch_stack, @function
emulator_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size emulator_switch_stack, .-emulator_switch_stack
)");
#else
asm(R"(
.text
.globl emulator_switch_stack
.type emulator_switch_stack, %function
emulator_switch_stack:
  sub sp, sp, #160
  stp x19, x20, [sp, #0]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp, #0]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
.size emulator_switch_stack, .-emulator_switch_stack
)");
#endif
#ifndef EMULATOR_UCONTEXT
/// Saves the registers that a call keeps on the stack in use, its end in *from, and goes on where `to` was saved.
extern "C" void emulator_switch_stack(void** from, void* to);
#endif

namespace emulator::inside {

/// All stacks lie in one mapping, with a page nobody may touch below each.
class stacks {
 public:
  static constexpr std::size_t bytes = 64 * 1024, guard = 4096, count = 1024;

  stacks()
      : memory_(
            static_cast<char*>(mmap(nullptr, count * (guard + bytes), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0))) {
    if (memory_ == MAP_FAILED) throw std::bad_alloc();
    for (std::size_t i = count; i-- > 0;) free_.push_back(i);
    if constexpr (!sees_races) {
      for (std::size_t i = 0; i < count; ++i) mprotect(memory_ + i * (guard + bytes), guard, PROT_NONE);
    }
  }
  stacks(const stacks&) = delete;
  stacks& operator=(const stacks&) = delete;

  char* bottom(std::size_t i) { return memory_ + i * (guard + bytes) + guard; }

  /// The stack given back last comes first: it is in the cache.
  std::size_t take() {
    const std::size_t i = free_.back();
    free_.pop_back();
    unpoison(bottom(i), bytes);
    return i;
  }
  void give_back(std::size_t i) {
    if constexpr (!sees_races) free_.push_back(i);
  }
  /// Between blocks, when every stack has been given back. TSan would see one stack's two users as a race, so there no stack is
  /// given twice in one block, which needs as many as a block has threads.
  void next_block() {
    if constexpr (sees_races) {
      renew(memory_, count * (guard + bytes));
      free_.clear();
      for (std::size_t i = count; i-- > 0;) free_.push_back(i);
    }
  }

 private:
  char* memory_;
  std::vector<std::size_t> free_;
};

class fiber {
 public:
  /// The next enter() begins `entry`, which must never return.
  void prepare(char* bottom, std::size_t number, void (*entry)()) {
    bottom_ = bottom;
    own_ = nullptr;
    // Tops at one offset within their pages would all fall on the same few lines of the cache.
    char* const top = bottom + stacks::bytes - (number % 16) * 256;
#ifdef EMULATOR_UCONTEXT
    getcontext(&place_);
    place_.uc_stack.ss_sp = bottom;
    place_.uc_stack.ss_size = static_cast<std::size_t>(top - bottom);
    place_.uc_link = nullptr;
    makecontext(&place_, entry, 0);
#else
    auto* words = reinterpret_cast<void**>(top);
#ifdef __x86_64__
    *--words = nullptr;  // where a return address would be: backtraces end here, and the stack is aligned as after a call
    *--words = reinterpret_cast<void*>(entry);
    for (int i = 0; i < 6; ++i) *--words = nullptr;
#else
    for (int i = 0; i < 20; ++i) *--words = nullptr;
    words[11] = reinterpret_cast<void*>(entry);  // x30
#endif
    place_ = words;
#endif
  }

  /// From the host into the fiber; comes back at the fiber's next leave().
  void enter(void* tsan_fiber) {
    void* host_own = nullptr;
    start_switch(&host_own, bottom_, stacks::bytes);
    jump_in(tsan_fiber, tsan_current());
    finish_switch(host_own, nullptr, nullptr);
  }

  /// Within the fiber, first of all.
  EMULATOR_UNSEEN void arrived() { finish_switch(nullptr, &host_bottom, &host_bytes); }

  /// From the fiber to the host; comes back at the next enter(), or never if it is the last.
  EMULATOR_UNSEEN void leave(bool last) {
    start_switch(last ? nullptr : &own_, host_bottom, host_bytes);
    tsan_switch(host_tsan);
#ifdef EMULATOR_UCONTEXT
    swapcontext(&place_, &host_place);
#else
    emulator_switch_stack(&place_, host_place);
#endif
    finish_switch(own_, &host_bottom, &host_bytes);
  }

 private:
#ifdef EMULATOR_UCONTEXT
  using place = ucontext_t;
#else
  using place = void*;
#endif

  EMULATOR_UNSEEN void jump_in(void* tsan_fiber, void* tsan_host) {
    host_tsan = tsan_host;
    tsan_switch(tsan_fiber);
#ifdef EMULATOR_UCONTEXT
    swapcontext(&host_place, &place_);
#else
    emulator_switch_stack(&host_place, place_);
#endif
  }

  inline static place host_place{};
  inline static void* host_tsan = nullptr;
  inline static const void* host_bottom = nullptr;
  inline static std::size_t host_bytes = 0;

  place place_{};
  char* bottom_ = nullptr;
  void* own_ = nullptr;  // ASan's frames of this fiber
};

}  // namespace emulator::inside
