// SPDX-License-Identifier: Apache-2.0
// The emulated CUDA runtime, one object for a test to link: the calls themselves are here, how threads, queues and products work is in
// parts/. It is one translation unit, so that a test can be built by hand with one more file.
#include <nvtx3/nvToolsExt.h>

#include "parts/controls.hpp"
#include "parts/launch.hpp"
#include "parts/library.hpp"
#include "parts/nccl.hpp"
#include "parts/words.hpp"

namespace emulator {
namespace inside {

namespace {

using place = blocks::place;

/// Whether a copy's side lies where its kind says. Host memory is pinned as a whole or not at all.
bool side_is_right(const void* pointer, std::size_t bytes, bool on_device, bool performing = false) {
  if (on_device) return device_memory.holds(pointer, bytes, performing);
  return device_memory.where(pointer, bytes) == place::elsewhere && pinned_memory.where(pointer, bytes) != place::across;
}

void perform_copy(stream_thread& thread, void* to, const void* from, std::size_t bytes, bool to_device, bool from_device) {
  if ((to_device && !side_is_right(to, bytes, true, true)) || (from_device && !side_is_right(from, bytes, true, true)))
    throw fault(text("cudaMemcpyAsync: device memory was freed in another stream before its copy of %zu bytes", bytes));
  thread.reads(from, bytes);
  thread.writes(to, bytes);
  std::memmove(to, from, bytes);
}

void set_memory(stream_thread& thread, void* pointer, int value, std::size_t bytes) {
  thread.writes(pointer, bytes);
  std::memset(pointer, value, bytes);
}

void count(traffic& kind, std::size_t bytes) { ++kind.calls, kind.bytes += bytes; }

void wait_for_stream(CUstream_st& stream) {
  ++current_counts.synchronisations;
  perform_all(stream);
  stream.thread.awaited_by_host();
}

}  // namespace
}  // namespace inside
}  // namespace emulator

using namespace emulator::inside;

cudaError_t cudaGetLastError() {
  const cudaError_t error = cudaPeekAtLastError();
  errors.last = cudaSuccess;
  return error;
}
cudaError_t cudaPeekAtLastError() { return errors.sticky != cudaSuccess ? errors.sticky : errors.last; }

cudaError_t cudaGetDeviceCount(int* count) {
  if (count != nullptr) *count = 0;
  return call([&] { return count == nullptr ? cudaErrorInvalidValue : (*count = current_options.devices, cudaSuccess); });
}
cudaError_t cudaSetDevice(int device) {
  return call([&] {
    if (device < 0 || device >= current_options.devices) return cudaErrorInvalidDevice;
    current_device = device;
    return cudaSuccess;
  });
}
cudaError_t cudaGetDevice(int* device) {
  return call([&] { return device == nullptr ? cudaErrorInvalidValue : (*device = current_device, cudaSuccess); });
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  return call([&] {
    if (properties == nullptr) return cudaErrorInvalidValue;
    if (device < 0 || device >= current_options.devices) return cudaErrorInvalidDevice;
    *properties = current_options.device;
    properties->totalGlobalMem = current_options.memory;
    return cudaSuccess;
  });
}
cudaError_t cudaDeviceGetPCIBusId(char* to, int size, int device) {
  return call([&] {
    if (to == nullptr || size < 13) return cudaErrorInvalidValue;
    if (device < 0 || device >= current_options.devices) return cudaErrorInvalidDevice;
    std::snprintf(to, static_cast<std::size_t>(size), "%s", bus_of(device).c_str());
    return cudaSuccess;
  });
}
cudaError_t cudaDriverGetVersion(int* version) {
  return call([&] { return version == nullptr ? cudaErrorInvalidValue : (*version = current_options.driver, cudaSuccess); }, false);
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  return call([&] { return version == nullptr ? cudaErrorInvalidValue : (*version = current_options.runtime, cudaSuccess); }, false);
}

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  return call([&] {
    if (free == nullptr || total == nullptr) return cudaErrorInvalidValue;
    *total = current_options.memory;
    *free = *total - std::min(*total, device_memory.bytes());
    return cudaSuccess;
  });
}
cudaError_t cudaMallocAsync(void** pointer, std::size_t bytes, cudaStream_t stream) {
  return call([&] {
    if (pointer == nullptr || bytes == 0) return cudaErrorInvalidValue;
    if (!known(stream)) return cudaErrorInvalidResourceHandle;
    if (bytes > current_options.memory || device_memory.bytes() > current_options.memory - bytes) return cudaErrorMemoryAllocation;
    void* const fresh = device_memory.add(bytes);
    if (fresh == nullptr) return cudaErrorMemoryAllocation;
    *pointer = fresh;
    count(current_counts.allocations, bytes);
    // In the order of the stream: who uses the memory in another stream without an event has its values overwritten by NaN.
    enqueue_housekeeping(*stream, [=] {
      if (device_memory.holds(fresh, bytes, true)) set_memory(stream->thread, fresh, 0xff, bytes);
    });
    return cudaSuccess;
  });
}
cudaError_t cudaFreeAsync(void* pointer, cudaStream_t stream) {
  return call([&] {
    blocks::block* const block = device_memory.find(pointer);
    if (block == nullptr || block->freeing) return cudaErrorInvalidValue;
    if (!known(stream)) return cudaErrorInvalidResourceHandle;
    device_memory.begin_freeing(*block);
    count(current_counts.frees, block->bytes);
    enqueue_housekeeping(*stream, [=] {
      const std::size_t bytes = device_memory.take(pointer);
      set_memory(stream->thread, pointer, 0xff, bytes);  // who reads too late without ASan reads NaN
      std::free(pointer);
    });
    return cudaSuccess;
  });
}
cudaError_t cudaMallocHost(void** pointer, std::size_t bytes) {
  return call([&] {
    if (pointer == nullptr || bytes == 0) return cudaErrorInvalidValue;
    void* const fresh = pinned_memory.add(bytes);
    if (fresh == nullptr) return cudaErrorMemoryAllocation;
    std::memset(fresh, 0xff, bytes);
    *pointer = fresh;
    return cudaSuccess;
  });
}
cudaError_t cudaFreeHost(void* pointer) {
  return call([&] {
    blocks::block* const block = pinned_memory.find(pointer);
    if (block == nullptr) return cudaErrorInvalidValue;
    pinned_memory.begin_freeing(*block);
    std::memset(pointer, 0xff, pinned_memory.take(pointer));
    std::free(pointer);
    return cudaSuccess;
  });
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  return call([&] {
    if (kind < cudaMemcpyHostToDevice || kind > cudaMemcpyDeviceToDevice) return cudaErrorInvalidMemcpyDirection;
    if (!known(stream)) return cudaErrorInvalidResourceHandle;
    if (bytes == 0) return cudaSuccess;
    const bool to_device = kind != cudaMemcpyDeviceToHost, from_device = kind != cudaMemcpyHostToDevice;
    if (!side_is_right(to, bytes, to_device) || !side_is_right(from, bytes, from_device)) return cudaErrorInvalidValue;
    count(!to_device ? current_counts.to_host : from_device ? current_counts.on_device : current_counts.to_device, bytes);
    const void* const host = to_device ? from : to;
    const bool pageable = !(to_device && from_device) && !pinned_memory.holds(host, bytes);
    if (pageable && to_device) {
      void* const staged = staging_memory.add(bytes);
      if (staged == nullptr) return cudaErrorMemoryAllocation;
      std::memcpy(staged, from, bytes);
      enqueue(*stream, [=] {
        perform_copy(stream->thread, to, staged, bytes, true, false);
        staging_memory.take(staged);
        std::free(staged);
      });
      return cudaSuccess;
    }
    enqueue(*stream, [=] {
      if (!pageable && !(to_device && from_device) && !pinned_memory.holds(host, bytes))
        throw emulator::fault(text("cudaMemcpyAsync: pinned memory was freed before its copy of %zu bytes was performed", bytes));
      perform_copy(stream->thread, to, from, bytes, to_device, from_device);
    });
    if (pageable) wait_for_stream(*stream);
    return cudaSuccess;
  });
}
cudaError_t cudaMemsetAsync(void* pointer, int value, std::size_t bytes, cudaStream_t stream) {
  return call([&] {
    if (!known(stream)) return cudaErrorInvalidResourceHandle;
    if (bytes == 0) return cudaSuccess;
    if (!device_memory.holds(pointer, bytes)) return cudaErrorInvalidValue;
    count(current_counts.memsets, bytes);
    enqueue(*stream, [=] {
      if (!device_memory.holds(pointer, bytes, true))
        throw emulator::fault(text("cudaMemsetAsync: device memory was freed in another stream before its %zu bytes were set", bytes));
      set_memory(stream->thread, pointer, value, bytes);
    });
    return cudaSuccess;
  });
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return call([&] {
    if (stream == nullptr || flags != cudaStreamNonBlocking) return cudaErrorInvalidValue;
    *stream = all_streams.emplace_back(std::make_unique<CUstream_st>()).get();
    (*stream)->device = current_device;
    return cudaSuccess;
  });
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  return call([&] {
    if (!known(stream)) return cudaErrorInvalidResourceHandle;
    stream->destroyed = true;
    return cudaSuccess;
  });
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return call([&] {
    if (!known(stream)) return cudaErrorInvalidResourceHandle;
    wait_for_stream(*stream);
    return cudaSuccess;
  });
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags) {
  return call([&] {
    if (!known(stream) || !known(event)) return cudaErrorInvalidResourceHandle;
    if (flags != 0) return cudaErrorInvalidValue;
    if (event->last == nullptr) return cudaSuccess;
    enqueue(
        *stream,
        [stream, record = event->last] {
          perform_until(*record);
          stream->thread.acquire(record.get());
        },
        [record = event->last] { return perform_ready_until(*record); });
    return cudaSuccess;
  });
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  return call([&] {
    if (event == nullptr || flags != cudaEventDisableTiming) return cudaErrorInvalidValue;
    *event = all_events.emplace_back(std::make_unique<CUevent_st>()).get();
    (*event)->device = current_device;
    return cudaSuccess;
  });
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return call([&] {
    if (!known(stream) || !known(event) || stream->device != event->device) return cudaErrorInvalidResourceHandle;
    auto record = event->last = std::make_shared<event_record>(event_record{stream});
    enqueue_housekeeping(*stream, [stream, record] {
      stream->thread.release(record.get());
      record->done = true;
    });
    return cudaSuccess;
  });
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return call([&] {
    if (!known(event)) return cudaErrorInvalidResourceHandle;
    ++current_counts.synchronisations;
    const std::shared_ptr<event_record> record = event->last;
    if (record == nullptr) return cudaSuccess;
    perform_until(*record);
    tsan_acquire(record.get());
    return cudaSuccess;
  });
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  return call([&] {
    if (!known(event)) return cudaErrorInvalidResourceHandle;
    const std::shared_ptr<event_record> record = event->last;
    if (record == nullptr || record->done) {
      if (record != nullptr) tsan_acquire(record.get());
      return cudaSuccess;
    }
    if (is_ready(*record->stream)) perform_next(*record->stream);  // whoever asks again and again must see it done some day
    return cudaErrorNotReady;
  });
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return call([&] {
    if (!known(event)) return cudaErrorInvalidResourceHandle;
    std::erase_if(all_events, [&](const auto& each) { return each.get() == event; });
    return cudaSuccess;
  });
}
cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value) {
  return call([&] {
    if (kernel == nullptr) return cudaErrorInvalidDeviceFunction;
    if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize || value < 0) return cudaErrorInvalidValue;
    const auto bytes = static_cast<std::size_t>(value);
    if (bytes > std::min(emulated_shared_bytes, current_options.device.sharedMemPerBlockOptin)) return cudaErrorInvalidValue;
    shared_limits[{current_device, kernel}] = bytes;
    return cudaSuccess;
  });
}

int nvtxRangePushA(const char*) { return ranges_open++; }
int nvtxRangePop() { return --ranges_open; }
