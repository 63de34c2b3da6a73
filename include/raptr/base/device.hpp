// SPDX-License-Identifier: Apache-2.0
// Devices are tags. The tags cpu and cuda exist in every build; a backend header fills in the row of its tag. A device
// of your own is a struct with a name, plus its row.
#pragma once

#include <concepts>
#include <string_view>

namespace raptr {

struct cpu {
  static constexpr std::string_view name = "cpu";
};
struct cuda {
  static constexpr std::string_view name = "cuda";
};

/// The row of a tag: `options` (an aggregate: threads, device number, ...) and `template <class Real, class Master> ops`,
/// a class that satisfies raptr::backend and is made from those options.
template <class Device> struct backend_of;

template <class D>
concept device = std::default_initializable<D> && requires {
  { D::name } -> std::convertible_to<std::string_view>;
};
template <class D>
concept available_device = device<D> && requires {
  typename backend_of<D>::options;
};

}  // namespace raptr
