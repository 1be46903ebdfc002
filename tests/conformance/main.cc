// conformance FILE...: runs conformance cases and prints one line for each that fails or is skipped, with the reason.
// The last line is the total. Exit status 1 if any failed.
#include "tests/conformance/runner.h"

#include <iostream>

namespace undercoat::conformance {

void Tally::fail(const std::string& kind, const std::string& id, const std::string& why) {
    ++counts_[kind].failed;
    std::cout << "FAIL " << id << ": " << why << "\n";
}

void Tally::skip(const std::string& kind, const std::string& id, const std::string& why) {
    ++counts_[kind].skipped;
    std::cout << "skip " << id << ": " << why << "\n";
}

bool Tally::report() const {
    Count total;
    for (const auto& [kind, c] : counts_) {
        std::cout << kind << ": " << c.passed << " passed, " << c.failed << " failed, " << c.skipped << " skipped\n";
        total.passed += c.passed;
        total.failed += c.failed;
        total.skipped += c.skipped;
    }
    std::cout << total.passed << " passed, " << total.failed << " failed, " << total.skipped << " skipped\n";
    return total.failed == 0;
}

std::string text_of(const YAML::Node& node) {
    if (!node.IsMap()) return node.as<std::string>();
    std::string hex = node["hex"].as<std::string>(), out;
    for (size_t i = 0; i + 1 < hex.size(); i += 2) out += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    return out;
}

}  // namespace undercoat::conformance

int main(int argc, char** argv) {
    using namespace undercoat::conformance;
    auto backend = make_backend();
    if (!backend) return 77;
    Tally tally;
    try {
        for (int i = 1; i < argc; ++i) {
            YAML::Node document = YAML::LoadFile(argv[i]);
            run_filter_cases(document, *backend, tally);
            run_value_cases(document, *backend, tally);
            run_loader_cases(document, *backend, tally);
        }
    } catch (const std::exception& e) {
        std::cout << "FAIL cannot run: " << e.what() << "\n";
        return 1;
    }
    return tally.report() ? 0 : 1;
}
