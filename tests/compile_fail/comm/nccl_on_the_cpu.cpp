// expect: static assertion failed: raptr: nccl sums arrays of raptr::cuda; take raptr::mpi or raptr::thread_rank elsewhere
// expect-clang: raptr: nccl sums arrays of raptr::cuda; take raptr::mpi or raptr::thread_rank elsewhere
// flags: -Itests/emulator/include
