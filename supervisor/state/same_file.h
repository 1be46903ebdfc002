// Whether two paths name the same file now.
//
// Must stay true: never waits for a file system that the workload serves: only what the kernel has cached is looked at, and
// "not known" is answered as "no".
#pragma once

#include <string>

namespace undercoat::state {

// How often one event may look; each look is three system calls at most.
inline constexpr int kMostLooks = 8;

bool same_file_now(const std::string& a, const std::string& b);
// Whether the path is known to name a file.
bool exists_now(const std::string& path);
// As same_file_now(), but of files that may be gone: the same name, or the same names below one directory. Takes what it looks off
// `looks`, and answers "no" when none is left.
bool same_place_now(std::string a, std::string b, int& looks);

}  // namespace undercoat::state
