// Whether two paths name the same file now.
//
// Must stay true: never waits for a file system that the workload serves: only what the kernel has cached is looked at, and
// "not known" is answered as "no".
#pragma once

#include <string>

namespace undercoat::state {

bool same_file_now(const std::string& a, const std::string& b);
// The same, but of files that may be gone: the same name, or the same names below one directory.
bool same_place_now(std::string a, std::string b);

}  // namespace undercoat::state
