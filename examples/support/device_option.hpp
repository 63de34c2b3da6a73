// SPDX-License-Identifier: Apache-2.0
// The option --device of the programs: one of the devices that CMake has compiled in, of all that raptr has.
#pragma once

#include <raptr/base/device.hpp>

#include "option_list.hpp"

namespace program {

/// Whether it computes on the processor and in the memory of this machine.
inline bool is_on_host(std::string_view device) { return device != raptr::cuda::name; }

/// devices: those compiled in, the default first.
inline void add_device_option(option_list& o, std::string_view topic, std::string* into, const std::vector<std::string_view>& devices,
                              std::string_view meaning) {
  if (into->empty()) *into = devices.front();
  o.add(topic, "device", "NAME", into, meaning).one_of(devices).or_else([devices](std::string_view given) -> std::string {
    for (const std::string_view known : {raptr::cpu::name, raptr::eigen::name, raptr::cuda::name})
      if (given == known)
        return ", since this program was compiled without " + std::string(given) + ", or build it with -DRAPTR_PRETRAIN_DEVICES=\"" +
               list_of(devices, ";") + ";" + std::string(given) + "\"";
    return "";
  });
}

}  // namespace program
