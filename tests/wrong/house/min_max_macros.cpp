// expect: raptr: min and max
#include <bits/stdc++.h>

#include <Eigen/Dense>
#define min(a, b) bad
#define max(a, b) bad
#include <raptr/raptr.hpp>
