// SPDX-License-Identifier: Apache-2.0
// The errors of the CUDA backend.
#pragma once

#include <cstddef>
#include <string>

#include <raptr/base/error.hpp>

namespace raptr::errors {

inline std::string mebibytes(std::size_t bytes) { return std::to_string((bytes + (std::size_t(1) << 20) - 1) >> 20) + " MiB"; }
/// Like "12.4" for the toolkit's 12040.
inline std::string cuda_version(int number) { return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10); }

[[noreturn]] inline void no_gpu(const std::string& reason) {
  fail("no GPU can be used (" + reason + "): look at nvidia-smi and CUDA_VISIBLE_DEVICES, or train on the CPU");
}
[[noreturn]] inline void no_such_gpu(int device, int count) {
  fail("there is no GPU " + std::to_string(device) + ": this machine has " + std::to_string(count) + ", counted from 0");
}
[[noreturn]] inline void driver_is_too_old(int driver, int runtime) {
  fail("the driver of the GPU supports CUDA up to " + cuda_version(driver) + ", this program was built with " + cuda_version(runtime) +
       ": update the driver, or build with a toolkit of CUDA " + std::to_string(driver / 1000));
}
[[noreturn]] inline void gpu_is_too_old(const std::string& name, int major, int minor) {
  fail(name + " has compute capability " + std::to_string(major) + "." + std::to_string(minor) + ", raptr needs 8.0 or more");
}
[[noreturn]] inline void not_built_for_gpu(const std::string& name, int major, int minor) {
  const std::string number = std::to_string(major) + std::to_string(minor);
  fail("this program has no kernels for " + name + ": compile it with -arch=sm_" + number + " (CMAKE_CUDA_ARCHITECTURES=" + number + ")");
}
[[noreturn]] inline void gpu_is_out_of_memory(std::size_t asked, std::size_t held, std::size_t free, std::size_t total) {
  fail("the GPU has no " + mebibytes(asked) + " left: " + mebibytes(free) + " of " + mebibytes(total) + " are free, this model already holds " +
       mebibytes(held) + "; use a smaller batch with more accumulation, or a smaller context");
}
[[noreturn]] inline void no_pinned_memory(std::size_t asked) {
  fail("the host has no " + mebibytes(asked) + " of memory that can be pinned for copies to the GPU");
}
[[noreturn]] inline void gpu_failed(const char* during, const std::string& name, const std::string& text) {
  fail<training_error>("the GPU failed during " + std::string(during) + ": " + text + " (" + name +
                       "); its memory is lost, so nothing more can be computed in this process: resume from the last checkpoint");
}
[[noreturn]] inline void gpu_refused(const char* during, const std::string& name, const std::string& text) {
  fail<training_error>("the GPU refused " + std::string(during) + ": " + text + " (" + name + "); its memory is intact");
}
[[noreturn]] inline void cublas_failed(const char* during, int status) {
  fail<training_error>("cuBLASLt failed during " + std::string(during) + " with status " + std::to_string(status));
}
[[noreturn]] inline void no_product(long long m, long long n, long long k, const std::string& types) {
  fail("cuBLASLt has no algorithm for a product of " + std::to_string(m) + " x " + std::to_string(k) + " and " + std::to_string(k) + " x " +
       std::to_string(n) + " in " + types + ", neither with nor without a bias");
}
[[noreturn]] inline void head_is_too_wide(int width) {
  fail("attention heads of width " + std::to_string(width) + " do not fit the GPU's kernels: take 1 to 256, with more heads");
}
[[noreturn]] inline void not_allocated_on_gpu() { fail("release() got a pointer that allocate() of this device did not return, or got it twice"); }

}  // namespace raptr::errors
