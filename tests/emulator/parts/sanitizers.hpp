// SPDX-License-Identifier: Apache-2.0
// What the sanitizers must be told. ASan: which stack is in use. TSan: every CUDA thread is a thread of its own, ordered after others
// only where CUDA says so; switching without order and few releases and acquires do that. Elsewhere all of this is empty.
#pragma once
#include <cstddef>
#include <emulator.hpp>
#include <memory>
#include <utility>

#ifdef EMULATOR_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef EMULATOR_TSAN
#include <sanitizer/tsan_interface.h>
#include <sys/mman.h>
extern "C" {
void __tsan_read_range(void* begin, unsigned long bytes);
void __tsan_write_range(void* begin, unsigned long bytes);
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
void AnnotateIgnoreWritesBegin(const char* file, int line);
void AnnotateIgnoreWritesEnd(const char* file, int line);
}
#endif

// For what runs as a CUDA thread and talks to the emulator: TSan must not take that for a race of the kernel. clang++ would still
// note the entry of such a function, and those that are never left would fill its notes.
#if defined(EMULATOR_TSAN) && defined(__clang__)
#define EMULATOR_UNSEEN __attribute__((no_sanitize("thread"), disable_sanitizer_instrumentation))
#else
#define EMULATOR_UNSEEN __attribute__((no_sanitize("thread")))
#endif

namespace emulator::inside {

#ifdef EMULATOR_ASAN
inline void poison(const void* begin, std::size_t bytes) { __asan_poison_memory_region(begin, bytes); }
inline void unpoison(const void* begin, std::size_t bytes) { __asan_unpoison_memory_region(begin, bytes); }
inline void start_switch(void** own, const void* bottom, std::size_t bytes) { __sanitizer_start_switch_fiber(own, bottom, bytes); }
inline void finish_switch(void* own, const void** bottom, std::size_t* bytes) { __sanitizer_finish_switch_fiber(own, bottom, bytes); }
#else
inline void poison(const void*, std::size_t) {}
inline void unpoison(const void*, std::size_t) {}
inline void start_switch(void**, const void*, std::size_t) {}
inline void finish_switch(void*, const void**, std::size_t*) {}
#endif

#ifdef EMULATOR_TSAN
inline void* tsan_create() { return __tsan_create_fiber(0); }
inline void tsan_destroy(void* who) { __tsan_destroy_fiber(who); }
inline void* tsan_current() { return __tsan_get_current_fiber(); }
__attribute__((always_inline)) inline void tsan_switch(void* who) { __tsan_switch_to_fiber(who, __tsan_switch_to_fiber_no_sync); }
inline void tsan_acquire(void* tag) { __tsan_acquire(tag); }
inline void tsan_release(void* tag) { __tsan_release(tag); }
/// While it lives, what the host itself does is none of TSan's business: it sees the emulator's own data from all sides at once.
struct host_unseen {
  host_unseen() { AnnotateIgnoreReadsBegin(__FILE__, __LINE__), AnnotateIgnoreWritesBegin(__FILE__, __LINE__); }
  host_unseen(const host_unseen&) = delete;
  host_unseen& operator=(const host_unseen&) = delete;
  ~host_unseen() { AnnotateIgnoreWritesEnd(__FILE__, __LINE__), AnnotateIgnoreReadsEnd(__FILE__, __LINE__); }
};
inline void tsan_read(void* begin, std::size_t bytes) { __tsan_read_range(begin, bytes); }
inline void tsan_write(void* begin, std::size_t bytes) { __tsan_write_range(begin, bytes); }
/// Whole pages that TSan is to take for new memory, so that what one block did there is no race with the next.
inline void renew(void* begin, std::size_t bytes) {
  mmap(begin, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
}
#else
inline void* tsan_create() { return nullptr; }
inline void tsan_destroy(void*) {}
inline void* tsan_current() { return nullptr; }
__attribute__((always_inline)) inline void tsan_switch(void*) {}
inline void tsan_acquire(void*) {}
inline void tsan_release(void*) {}
inline void tsan_read(void*, std::size_t) {}
inline void tsan_write(void*, std::size_t) {}
inline void renew(void*, std::size_t) {}
struct host_unseen {
  host_unseen() {}  // for -Wunused
};
#endif

// As the thread `who`, on the stack in use.
inline void tsan_acquire_as(void* who, void* tag) {
  void* const host = tsan_current();
  tsan_switch(who);
  tsan_acquire(tag);
  tsan_switch(host);
}
inline void tsan_release_as(void* who, void* tag) {
  void* const host = tsan_current();
  tsan_switch(who);
  tsan_release(tag);
  tsan_switch(host);
}

inline void tsan_read_as(void* who, void* begin, std::size_t bytes) {
  void* const host = tsan_current();
  tsan_switch(who);
  tsan_read(begin, bytes);
  tsan_switch(host);
}
inline void tsan_write_as(void* who, void* begin, std::size_t bytes) {
  void* const host = tsan_current();
  tsan_switch(who);
  tsan_write(begin, bytes);
  tsan_switch(host);
}

/// A stream as a thread for TSan: it does the copies, and starts and awaits the threads of kernels.
class stream_thread {
 public:
  stream_thread() = default;
  stream_thread(const stream_thread&) = delete;
  stream_thread& operator=(const stream_thread&) = delete;
  ~stream_thread() { tsan_destroy(who_); }

  void acquire(void* tag) { tsan_acquire_as(who_, tag); }
  void release(void* tag) { tsan_release_as(who_, tag); }
  void awaited_by_host() {
    release(&waiting_);
    tsan_acquire(&waiting_);
  }
  /// What threads of one launch acquire when they start and release when they end; they are not ordered among themselves.
  void* start_of_launch() { return &start_; }
  void* end_of_launch() { return &end_; }

  // What the host does in the name of the stream, it does unseen, on its own stack; what that touches is said here.
  void reads(const void* begin, std::size_t bytes) { tsan_read_as(who_, const_cast<void*>(begin), bytes); }
  void writes(void* begin, std::size_t bytes) { tsan_write_as(who_, begin, bytes); }

 private:
  void* const who_ = tsan_create();
  char start_ = 0, end_ = 0, waiting_ = 0;
};

}  // namespace emulator::inside
