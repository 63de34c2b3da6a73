// SPDX-License-Identifier: Apache-2.0
// Macros that well-known headers define and that may precede the headers of raptr. Each one has a value that is an error wherever it
// is expanded. macros_test.cpp reads this list, too.

// Single letters: complex.h has I, and programs write #define N 100. Those that raptr uses as template parameters are refused by
// base/config.hpp, and docs/building.md lists them.
#define C @
#define E @
#define I @
#define J @
#define L @
#define Q @
#define U @
#define W @
#define X @
#define Y @
#define Z @

// X11/X.h, X11/Xlib.h
#define Above @
#define Always @
#define Below @
#define Bool @
#define Complex @
#define Convex @
#define CurrentTime @
#define Expose @
#define False @
#define FocusIn @
#define KeyPress @
#define LSBFirst @
#define None @
#define Nonconvex @
#define ParentRelative @
#define Status @
#define Success @
#define True @
#define Unsorted @
#define Depth @

// windows.h
#define ABSOLUTE @
#define BOOL @
#define CONST @
#define DELETE @
#define DIFFERENCE @
#define DOMAIN @
#define ERROR @
#define FALSE @
#define IGNORE @
#define IN @
#define INFINITE @
#define INPUT @
#define NO_ERROR @
#define OPAQUE @
#define OPTIONAL @
#define OUT @
#define OVERFLOW @
#define PASCAL @
#define RELATIVE @
#define STRICT @
#define TRANSPARENT @
#define TRUE @
#define UNDERFLOW @
#define VOID @
#define far @
#define interface @
#define near @
#define pascal @
#define small @
#define rad1 @
#define CreateFile @
#define DeleteFile @
#define GetMessage @
#define GetObject @
#define SendMessage @

// complex.h, and what g++ predefines without -std=c++20
#define complex @
#define imaginary @
#undef linux
#define linux @
#undef unix
#define unix @

// Qt, Boost, test frameworks, logs
#define emit @
#define foreach @
#define forever @
#define signals @
#define slots @
#define ASSERT @
#define CHECK @
#define DEBUG @
#define EXPECT @
#define FATAL @
#define INFO @
#define LOG @
#define REQUIRE @
#define TRACE @
#define VERIFY @
#define WARNING @

// Arduino and small utilities
#define ABS @
#define BIG @
#define BIN @
#define COUNT @
#define DEC @
#define DEFAULT @
#define EPS @
#define EPSILON @
#define HEX @
#define HIGH @
#define LENGTH @
#define LITTLE @
#define LOW @
#define MAX @
#define MIN @
#define NAME @
#define OCT @
#define OUTPUT @
#define PI @
#define PACKAGE @
#define PRIVATE @
#define PUBLIC @
#define SIZE @
#define SQR @
#define VERSION @
#define NO @
#define YES @
#define nil @
