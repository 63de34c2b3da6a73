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
  // These three throw input_error for a device with memory of its own.
  template <class Ops, class T> void sum(Ops&, std::span<T> data, const comm_operation& at) { host_only<Ops>(), engine_->sum(data, at); }
  template <class Ops, class T> void reduce_scatter(Ops&, std::span<T> data, std::span<const std::int64_t> bounds, const comm_operation& at) {
    host_only<Ops>(), engine_->reduce_scatter(data, bounds, at);
  }
  template <class Ops, class T> void all_gather(Ops&, std::span<T> data, std::span<const std::int64_t> bounds, const comm_operation& at) {
    host_only<Ops>(), engine_->all_gather(data, bounds, at);
  }
  template <class Ops> void finish(Ops&, const comm_operation& at) { engine_->finish(at); }
  void gather(std::span<const std::byte> mine, std::span<std::byte> all, const comm_operation& at) { engine_->gather(mine, all, at); }
  void end_all(std::string_view why) noexcept { engine_->end_all(why); }
  std::uint64_t bytes_sent() const { return engine_->bytes_sent(); }

 private:
  using bounds_of_ranks = std::span<const std::int64_t>;
  template <class Ops> static void host_only() {
    if constexpr (!in_host_memory<Ops>) errors::ranks_of_device_memory();
  }
  struct engine {
    virtual ~engine() = default;
    virtual int rank() const = 0;
    virtual int ranks() const = 0;
    virtual void sum(std::span<float> data, const comm_operation& at) = 0;
    virtual void sum(std::span<double> data, const comm_operation& at) = 0;
    virtual void reduce_scatter(std::span<float> data, bounds_of_ranks bounds, const comm_operation& at) = 0;
    virtual void reduce_scatter(std::span<double> data, bounds_of_ranks bounds, const comm_operation& at) = 0;
    virtual void all_gather(std::span<float> data, bounds_of_ranks bounds, const comm_operation& at) = 0;
    virtual void all_gather(std::span<double> data, bounds_of_ranks bounds, const comm_operation& at) = 0;
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
    void reduce_scatter(std::span<float> data, bounds_of_ranks bounds, const comm_operation& at) override {
      comm.reduce_scatter(host, data, bounds, at);
    }
    void reduce_scatter(std::span<double> data, bounds_of_ranks bounds, const comm_operation& at) override {
      comm.reduce_scatter(host, data, bounds, at);
    }
    void all_gather(std::span<float> data, bounds_of_ranks bounds, const comm_operation& at) override { comm.all_gather(host, data, bounds, at); }
    void all_gather(std::span<double> data, bounds_of_ranks bounds, const comm_operation& at) override { comm.all_gather(host, data, bounds, at); }
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
