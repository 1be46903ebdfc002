// Path arithmetic as Falco does it, without looking at the file system.
//
// Must stay true: nothing here resolves symbolic links; every function is total (any bytes, any length).
#pragma once

#include <string>
#include <string_view>

namespace undercoat::state {

inline constexpr size_t kMaxFalcoPath = 1024;
inline constexpr char kPathTooLong[] = "/DIR_TOO_LONG/FILENAME_TOO_LONG";

// Removes "." and "..", doubled and trailing separators. `path` is absolute, or is taken as such.
std::string collapse(std::string_view path);
// "a//b" to "a/b"; nothing else changes (fd.nameraw).
std::string squeeze(std::string_view path);
// What Falco shows for a path argument: an absolute path as given, a relative one joined with `dir` and collapsed; kPathTooLong
// where the result has 1024 bytes or more. `dir` empty: unknown, shown as "<UNKNOWN>".
std::string argument_path(std::string_view dir, std::string_view path);
// The same into `out`, whose memory is used again; so do the two like it below. No text may lie in `out`.
void argument_path(std::string_view dir, std::string_view path, std::string& out);
// What fd.name shows: joined and collapsed.
std::string file_name(std::string_view dir, std::string_view path);
void file_name(std::string_view dir, std::string_view path, std::string& out);
void squeeze(std::string_view path, std::string& out);

}  // namespace undercoat::state
