// expect: raptr: -ffast-math and -Ofast
// flags: -Ofast
#include <raptr/raptr.hpp>
