// From the bytes of a file to YAML documents, with errors that say what to do.
//
// Must stay true: the input is hostile: what yaml-cpp would read without end (malformed documents, aliases of aliases) is
// refused before a tree is made of it.
#pragma once

#include <yaml-cpp/yaml.h>

#include <cstddef>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace undercoat::rules {

struct YamlProblem {
    std::string message;
    size_t line = 1, column = 1;  // from 1; bytes
    size_t offset = 0;
};

// UTF-8 without byte order mark, of text in UTF-8, UTF-16 or UTF-32 that begins with one; anything else as it is. What is no
// valid UTF-16 or UTF-32 becomes U+FFFD.
std::string to_utf8(std::string content);

// Goes through the stream once, with all bounds; `also` sees every event that was within them. content: as to_utf8 returns it.
std::optional<YamlProblem> read_yaml(const std::string& content, YAML::EventHandler* also = nullptr);

// The documents of a stream. content: as to_utf8 returns it, so that the places are those of the bytes.
std::variant<std::vector<YAML::Node>, YamlProblem> load_yaml(const std::string& content);

}  // namespace undercoat::rules
