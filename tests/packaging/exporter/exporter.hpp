// SPDX-License-Identifier: Apache-2.0
#pragma once

#ifdef EXPORTER_SHOWS_RAPTR
#include <raptr/base/version.hpp>
#endif
#if defined(EXPORTER_SHOWS_EIGEN) && !__has_include(<Eigen/Core>)
#error "no Eigen comes with raptr::eigen"
#endif

const char* exporter_version();
