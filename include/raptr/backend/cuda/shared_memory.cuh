// SPDX-License-Identifier: Apache-2.0
// The shared memory of every kernel: one declaration for all, because all of it is dynamic. What a kernel needs then
// depends on its arguments and is stated where it is started.
#pragma once

#include <cuda_runtime.h>

namespace raptr::cuda_backend {

extern __shared__ __align__(16) unsigned char shared_memory[];

}  // namespace raptr::cuda_backend
