// expect: raptr: the CUDA backend needs compute capability 8.0
// flags: -D__CUDA_ARCH__=750
#include <raptr/backend/cuda/status.cuh>
