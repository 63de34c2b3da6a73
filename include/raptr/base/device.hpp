// SPDX-License-Identifier: Apache-2.0
// Devices are tag types. cpu, eigen and cuda exist in every build; the header of a backend specialises backend_of for its tag. A
// custom device is a struct with a name, plus that specialisation.
#pragma once

#include <concepts>
#include <string_view>

#include <raptr/base/config.hpp>

namespace raptr {

inline namespace RAPTR_INSTRUCTIONS {
struct cpu {
  static constexpr std::string_view name = "cpu";
};
struct eigen {
  static constexpr std::string_view name = "eigen";
};
}  // namespace RAPTR_INSTRUCTIONS
struct cuda {
  static constexpr std::string_view name = "cuda";
};

/// The backend of a tag: `options` (an aggregate: threads, device number, ...) and `template <class Real, class Master> ops`,
/// a class that satisfies raptr::backend and is constructed from those options.
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
