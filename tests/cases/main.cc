// conformance FILE...: runs conformance cases and prints one line for each that fails or is skipped, with the reason.
// The last line is the total. Exit status 1 if any failed.
#include "tests/cases/runner.h"
#include "tests/support/test_catalogue.h"

#include <filesystem>
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

namespace {

// Captures lie beside the case files' folder, in the specification, or where UNDERCOAT_CAPTURES says.
std::vector<std::string> capture_places(const std::string& file) {
    std::vector<std::string> places;
    if (const char* named = std::getenv("UNDERCOAT_CAPTURES")) places.emplace_back(named);
    const std::filesystem::path folder = std::filesystem::absolute(file).parent_path();
    places.push_back(folder / "captures");
    places.push_back(folder.parent_path() / "captures");
    if (const std::string shared = test::shared_directory(); !shared.empty()) places.push_back(shared + "/captures");
    return places;
}

// The rules that cases of detection name, of all files given and of the specification.
YAML::Node rules_by_name(const std::vector<std::string>& files) {
    YAML::Node all;
    for (const std::string& file : files) {
        if (!std::filesystem::exists(file)) continue;
        const YAML::Node document = YAML::LoadFile(file);
        for (const auto& r : document["legacy_rules"]) all.push_back(r);
    }
    return all;
}

void run_file(const std::string& file, const YAML::Node& rules, Backend& backend, Tally& tally) {
    const YAML::Node document = YAML::LoadFile(file);
    run_filter_cases(document, backend, tally);
    run_value_cases(document, backend, tally);
    run_loader_cases(document, backend, tally);
    run_detection_cases(document, rules, capture_places(file), backend, tally);
}

}  // namespace

bool run_files(const std::vector<std::string>& files, Backend& backend) {
    Tally tally;
    std::vector<std::string> with_rules = files;
    if (const std::string shared = test::shared_directory(); !shared.empty())
        with_rules.push_back(shared + "/conformance/cases_loader.yaml");
    const YAML::Node rules = rules_by_name(with_rules);
    for (const std::string& file : files) run_file(file, rules, backend, tally);
    return tally.report();
}

}  // namespace undercoat::conformance

int main(int argc, char** argv) {
    using namespace undercoat::conformance;
    auto backend = make_backend();
    if (!backend) return 77;
    try {
        return run_files({argv + 1, argv + argc}, *backend) ? 0 : 1;
    } catch (const std::exception& e) {
        std::cout << "FAIL cannot run: " << e.what() << "\n";
        return 1;
    }
}
