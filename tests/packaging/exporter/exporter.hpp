// SPDX-License-Identifier: Apache-2.0
#pragma once

#ifdef EXPORTER_SHOWS_RAPTR
#include <raptr/base/version.hpp>
#endif

const char* exporter_version();
