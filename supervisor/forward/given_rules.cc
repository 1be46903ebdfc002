// Rules from the collector, as the forwarder hands them on and keeps them. See forwarder.h.
#include "supervisor/forward/forwarder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cstdio>

namespace undercoat::forward {
namespace {

constexpr const char* kFile = "/rules";  // in the spool's directory: the frame of the Rules in use

outputs::TappedRules tapped(remote::Rules rules) { return {std::move(rules.version), std::move(rules.files)}; }

std::string content_of(const std::string& path) {
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    struct stat st {};
    if (!fd || ::fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > static_cast<off_t>(remote::kMaxFrame)) return "";
    std::string content(static_cast<size_t>(st.st_size), '\0');
    const ssize_t n = ::read(fd.get(), content.data(), content.size());
    return n == static_cast<ssize_t>(content.size()) ? content : "";
}

}  // namespace

std::optional<outputs::TappedRules> Forwarder::kept_rules() {
    if (directory_.empty()) return std::nullopt;
    const std::string frame = content_of(directory_ + kFile);
    if (frame.empty()) return std::nullopt;
    remote::Codec codec;
    auto down = codec.decode_down(frame);
    auto* rules = down ? std::get_if<remote::Rules>(&down->what) : nullptr;
    if (!rules || rules->version.empty()) {
        log_(true, "the rules kept in " + directory_ + " cannot be read and are left out");
        return std::nullopt;
    }
    std::lock_guard lock(rules_mutex_);
    given_ = *rules;
    return tapped(std::move(*rules));
}

// The talking thread's.
void Forwarder::take_rules(remote::Rules&& rules) {
    std::lock_guard lock(rules_mutex_);
    rules_answered_ = true;
    // Those in use, being loaded, or refused: what was given last.
    if (rules.version == given_.version) return;
    if (!rules.version.empty() && rules.files.empty()) return;
    log_(false, rules.version.empty() ? "the collector has no rules for this agent; its own are used" : "rules of version " + rules.version + " have come");
    given_ = rules;
    new_rules_ = std::move(rules);
}

std::optional<outputs::TappedRules> Forwarder::new_rules() {
    std::lock_guard lock(rules_mutex_);
    if (!new_rules_) return std::nullopt;
    auto rules = std::exchange(new_rules_, std::nullopt);
    return tapped(std::move(*rules));
}

bool Forwarder::rules_answered() const {
    std::lock_guard lock(rules_mutex_);
    return rules_answered_ && !new_rules_;
}

void Forwarder::rules_done(const std::string& version, bool applied, const std::string& message, const std::string& in_use) {
    std::lock_guard lock(rules_mutex_);
    // Kept before anybody is told.
    if (applied && version == given_.version) keep_rules(given_);
    {
        std::lock_guard told(told_mutex_);
        rules_version_ = in_use;
    }
    status_ = remote::RulesStatus{version, message, applied};
    status_said_ = false;
    connection_->wake();
}

// Written beside and renamed: a kill leaves the old or the new ones.
void Forwarder::keep_rules(const remote::Rules& rules) const {
    if (directory_.empty()) return;
    const std::string path = directory_ + kFile, beside = path + ".new";
    if (rules.version.empty()) {
        ::unlink(path.c_str());
        return;
    }
    remote::Codec codec;
    const auto frame = codec.encode(remote::Down{"", rules});
    UniqueFd fd(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    const bool written = frame && fd && ::write(fd.get(), frame->data(), frame->size()) == static_cast<ssize_t>(frame->size());
    if (!written || ::rename(beside.c_str(), path.c_str()) != 0)
        log_(true, "the rules cannot be kept in " + directory_ + "; a start without the collector will not have them");
}

// The talking thread's. The heartbeat behind it has the version in use, also where that is the agent's own.
void Forwarder::say_status() {
    {
        std::lock_guard lock(rules_mutex_);
        if (status_said_ || !status_) return;
        status_said_ = connection_->send(remote::Up{agent_, *status_});
    }
    beat();
}

}  // namespace undercoat::forward
