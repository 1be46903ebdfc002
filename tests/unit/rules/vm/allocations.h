// How many heap allocations the test program has made, for the promise that evaluation makes none.
#pragma once

#include <cstddef>

namespace undercoat::test {

size_t allocations();

}  // namespace undercoat::test
