// SPDX-License-Identifier: Apache-2.0
#include "exporter.hpp"

#include <raptr/base/version.hpp>

const char* exporter_version() { return raptr::library_version.data(); }
