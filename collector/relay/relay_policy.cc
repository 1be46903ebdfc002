// See relay_policy.h. The file is a row of frames, each behind its size in eight hexadecimal digits.
#include "collector/relay/relay_policy.h"

#include "wire/remote/codec.h"

#include <cstdio>
#include <filesystem>
#include <fstream>

namespace undercoat::collector {

RelayPolicy::RelayPolicy(std::string directory, RuleDesk& desk, std::function<void(const std::string&)> log)
    : path_(std::move(directory) + "/rules.cache"), desk_(desk), log_(std::move(log)) {
    read();
}

void RelayPolicy::take(remote::Rules&& rules) {
    if (coming_.size() < Policy::kMostRulesets || coming_.contains(rules.version)) coming_[rules.version] = std::move(rules);
}

void RelayPolicy::enact(const remote::Policy& order) {
    std::vector<remote::Rules> rulesets;
    for (const std::string& version : order.versions) {
        const auto it = coming_.find(version);
        if (it == coming_.end()) {
            coming_.clear();  // what was cut off must not fill the room of those to come
            return log_("The collector's rules are not whole; those before stay in force.");
        }
        rulesets.push_back(std::move(it->second));
        coming_.erase(it);
    }
    coming_.clear();
    desk_.set_policy(std::make_shared<const Policy>(std::move(rulesets)));
    log_(std::to_string(order.versions.size()) + " rulesets are in force");
    write();
}

void RelayPolicy::write() const {
    const auto policy = desk_.policy();
    remote::Codec codec;
    std::ofstream out(path_ + ".new", std::ios::binary);
    remote::Policy order;
    const auto put = [&](const remote::Down& message) {
        const auto frame = codec.encode(message);
        char size[9];
        std::snprintf(size, sizeof size, "%08zx", frame ? frame->size() : 0);
        if (frame) out << size << *frame;
    };
    for (const remote::Rules& rules : policy->rulesets()) {
        put({"", rules});
        order.versions.push_back(rules.version);
    }
    put({"", order});
    out.close();
    std::error_code error;
    if (out) std::filesystem::rename(path_ + ".new", path_, error);
    if (!out || error) log_("The rules cannot be kept in " + path_ + "; a start without the collector will not have them.");
}

void RelayPolicy::read() {
    std::ifstream in(path_, std::ios::binary);
    remote::Codec codec;
    char digits[9] = {};
    while (in.read(digits, 8)) {
        const size_t size = std::strtoul(digits, nullptr, 16);
        std::string frame(std::min(size, remote::kMaxFrame), '\0');
        if (!in.read(frame.data(), static_cast<std::streamsize>(frame.size()))) break;
        auto down = codec.decode_down(frame);
        if (!down) break;
        if (auto* rules = std::get_if<remote::Rules>(&down->what)) take(std::move(*rules));
        if (auto* order = std::get_if<remote::Policy>(&down->what)) return enact(*order);
    }
}

}  // namespace undercoat::collector
