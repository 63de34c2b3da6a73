// SPDX-License-Identifier: Apache-2.0
// The backend that a model of a block runs on, and its options. Where one of the two is not valid, a stand-in, so that the model's own
// message is the only one.
#pragma once

#include <raptr/backend/counting.hpp>
#include <raptr/base/device.hpp>
#include <raptr/nn/block.hpp>

namespace raptr {

template <class Device, class Block> struct ops_of { using type = counting_ops<float, float, 1>; };
template <available_device Device, block_with_precision Block> struct ops_of<Device, Block> {
  using type = typename backend_of<Device>::template ops<typename Block::precision::real, typename Block::precision::master>;
};
template <class Device> struct device_options { using type = int; };
template <available_device Device> struct device_options<Device> { using type = typename backend_of<Device>::options; };

}  // namespace raptr
