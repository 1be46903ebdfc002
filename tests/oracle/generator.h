// Random conditions and events over a small catalogue, so made that comparisons often hold.
#pragma once

#include "tests/support/test_catalogue.h"

#include <memory>
#include <random>
#include <string>
#include <vector>

namespace undercoat::oracle {

std::unique_ptr<test::TestCatalogue> make_catalogue();

class Generator {
public:
    explicit Generator(uint64_t seed) : random_(seed) {}
    // A condition's text. Macros m0 … m(macros-1) may be named. Not every one compiles: operators and types are combined freely
    // in one of ten comparisons.
    std::string condition(unsigned depth, unsigned macros);
    test::TestEvent event();

private:
    unsigned below(unsigned n) { return static_cast<unsigned>(random_() % n); }
    const char* pick(const std::vector<const char*>& from) { return from[below(static_cast<unsigned>(from.size()))]; }
    std::string comparison();
    std::string left(size_t kind);
    std::string text_operand();
    std::string list_operand();
    std::string literal(size_t kind, const std::string& op);
    std::string list(size_t kind, const std::string& op);
    std::string right_operand(size_t kind, bool list);
    void small_values(test::TestEvent& e);

    std::mt19937_64 random_;
};

}  // namespace undercoat::oracle
