// SPDX-License-Identifier: Apache-2.0
// The shared memory of every kernel: one declaration, because all of it is dynamic. Its size may depend on the arguments and is
// given at the launch.
#pragma once

#include <cuda_runtime.h>

namespace raptr::cuda_backend {

extern __shared__ __align__(16) unsigned char shared_memory[];

}  // namespace raptr::cuda_backend
