// The table of routes and its description name the same, both ways.
#include "collector/api/routes.h"

#include <gtest/gtest.h>
#include <fstream>
#include <set>

namespace undercoat::collector {
namespace {

// "get /path" of each route that openapi.yaml describes: paths are indented by two blanks, methods by four.
std::set<std::string> described() {
    std::ifstream in(OPENAPI_FILE);
    std::set<std::string> out;
    std::string path;
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("  /")) path = line.substr(2, line.find(':') - 2);
        for (const char* method : {"get", "post", "put", "delete"})
            if (line == "    " + std::string(method) + ":") out.insert(std::string(method) + " " + path);
    }
    return out;
}

TEST(Routes, AreThoseOfTheDescriptionAndNoOthers) {
    std::set<std::string> there = {"post /"};  // Falco's payload, which is no part of the table
    for (const Route& r : routes()) {
        std::string method(r.method);
        for (char& c : method) c = static_cast<char>(c | 0x20);
        EXPECT_TRUE(there.insert(method + " " + std::string(r.path)).second) << r.path;
    }
    EXPECT_EQ(described(), there);
}

}  // namespace
}  // namespace undercoat::collector
