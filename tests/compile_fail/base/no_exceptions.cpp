// expect: raptr: errors are exceptions
// flags: -fno-exceptions
#include <raptr/base/error.hpp>
