// expect: static assertion failed: raptr: nccl sums arrays of raptr::cuda; take raptr::mpi or raptr::thread_rank elsewhere
// expect-clang: raptr: nccl sums arrays of raptr::cuda; take raptr::mpi or raptr::thread_rank elsewhere
#include <vector>

#include <raptr/comm/nccl.cuh>
#include <raptr/comm/single_process.hpp>

int main() {
  raptr::single_process meet;
  raptr::nccl comm(meet);
  raptr::counting_ops<float, float> ops;
  std::vector<float> data(3);
#ifndef RIGHT
  comm.sum(ops, std::span<float>(data), {"sum"});
#endif
}
