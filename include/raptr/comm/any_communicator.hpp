// SPDX-License-Identifier: Apache-2.0
// One of several communicators, chosen when a program runs, so that its trainers are compiled once. For devices in host memory.
#pragma once

#include <memory>

#include <raptr/base/error.hpp>
#include <raptr/comm/single_process.hpp>

namespace raptr {

namespace errors {
[[noreturn]] inline void ranks_of_device_memory() {
  fail("raptr::any_communicator adds up arrays in host memory, and this device has memory of its own: train with one rank, or on the CPU");
}
}  // namespace errors

class any_communicator {
 public:
  /// One rank.
  any_communicator() : engine_(std::make_unique<engine_of<single_process>>(alone_)) {}
  /// Refers to a communicator, which must outlive it.
  template <communicator Comm>
  requires(!std::same_as<Comm, any_communicator>) explicit any_communicator(Comm& comm) : engine_(std::make_unique<engine_of<Comm>>(comm)) {}

  int rank() const { return engine_->rank(); }
  int ranks() const { return engine_->ranks(); }
  /// Throws input_error for a device with memory of its own.
  template <class Ops, class T> void sum(Ops&, std::span<T> data, const comm_operation& at) {
    if constexpr (in_host_memory<Ops>)
      engine_->sum(data, at);
    else
      errors::ranks_of_device_memory();
  }
  template <class Ops> void finish(Ops&, const comm_operation& at) { engine_->finish(at); }
  void gather(std::span<const std::byte> mine, std::span<std::byte> all, const comm_operation& at) { engine_->gather(mine, all, at); }
  void end_all(std::string_view why) noexcept { engine_->end_all(why); }
  std::uint64_t bytes_sent() const { return engine_->bytes_sent(); }

 private:
  struct engine {
    virtual ~engine() = default;
    virtual int rank() const = 0;
    virtual int ranks() const = 0;
    virtual void sum(std::span<float> data, const comm_operation& at) = 0;
    virtual void sum(std::span<double> data, const comm_operation& at) = 0;
    virtual void finish(const comm_operation& at) = 0;
    virtual void gather(std::span<const std::byte> mine, std::span<std::byte> all, const comm_operation& at) = 0;
    virtual void end_all(std::string_view why) noexcept = 0;
    virtual std::uint64_t bytes_sent() const = 0;
  };
  template <class Comm> struct engine_of final : engine {
    explicit engine_of(Comm& c) : comm(c) {}
    int rank() const override { return comm.rank(); }
    int ranks() const override { return comm.ranks(); }
    void sum(std::span<float> data, const comm_operation& at) override { comm.sum(host, data, at); }
    void sum(std::span<double> data, const comm_operation& at) override { comm.sum(host, data, at); }
    void finish(const comm_operation& at) override { comm.finish(host, at); }
    void gather(std::span<const std::byte> mine, std::span<std::byte> all, const comm_operation& at) override { comm.gather(mine, all, at); }
    void end_all(std::string_view why) noexcept override { comm.end_all(why); }
    std::uint64_t bytes_sent() const override { return comm.bytes_sent(); }

    Comm& comm;
    counting_ops<float, float> host;  // stands for any device in host memory
  };

  static inline single_process alone_;
  std::unique_ptr<engine> engine_;
};
static_assert(communicator<any_communicator>);

}  // namespace raptr
