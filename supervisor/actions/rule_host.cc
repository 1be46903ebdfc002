// Loading, reloading, watching, see rule_host.h.
#include "supervisor/actions/rule_host.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <set>
#include <sys/inotify.h>

namespace undercoat::actions {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kDebounceNs = 100'000'000;

// Whether the value of this field depends on the call's result.
bool reads_result(const rules::FieldRef& f) {
    const std::string_view text = f.text;
    static constexpr std::string_view kFields[] = {"evt.res", "evt.rawres", "evt.failed", "evt.args", "evt.info", "fd.num",
                                                   "evt.arg.res", "evt.arg.fd", "evt.rawarg.res", "evt.rawarg.fd"};
    return std::find(std::begin(kFields), std::end(kFields), text) != std::end(kFields) ||
           text.starts_with("evt.count.error") || text.starts_with("evt.arg[") || text.starts_with("evt.rawarg[") ||
           text.starts_with("fs.path.") || text.starts_with("evt.is_open_create");
}

std::string local_version(const std::vector<rules::RulesFile>& files) {
    uint32_t sum = 0x811c9dc5;  // FNV-1a
    for (const rules::RulesFile& file : files)
        for (const char c : file.content) sum = (sum ^ static_cast<uint8_t>(c)) * 0x01000193;
    char text[24];
    std::snprintf(text, sizeof text, "local-%08x", sum);
    return text;
}

bool any_reads_stack(const std::vector<rules::FieldRef>& fields) {
    return std::any_of(fields.begin(), fields.end(), [](const rules::FieldRef& f) { return f.info->name == "thread.stack"; });
}

bool any_reads_result(const std::vector<rules::FieldRef>& fields) {
    return std::any_of(fields.begin(), fields.end(), reads_result);
}

}  // namespace

Result<std::vector<std::string>> rules_files(const std::string& path) {
    std::error_code error;
    if (!fs::is_directory(path, error)) return std::vector<std::string>{path};
    std::vector<std::string> files;
    for (const auto& entry : fs::directory_iterator(path, error)) {
        const auto extension = entry.path().extension();
        if (extension == ".yaml" || extension == ".yml") files.push_back(entry.path().string());
    }
    if (error) return Error{"cannot read the rules directory " + path + ": " + error.message() + "."};
    std::sort(files.begin(), files.end());
    return files;
}

RuleHost::RuleHost(const fields::FieldCatalogue& catalogue, RuleSettings settings, Log log)
    : catalogue_(catalogue), settings_(std::move(settings)), log_(std::move(log)) {
    matcher_ = std::make_unique<rules::RuleMatcher>(rules::load_rules({}, catalogue_, settings_.load).ruleset);
}

RuleHost::~RuleHost() {
    if (loading_.valid()) loading_.wait();
}

RuleHost::Loaded RuleHost::load(const fields::FieldCatalogue& catalogue, const RuleSettings& settings, const GivenRules& given) {
    Loaded loaded;
    if (!given.version.empty()) {
        for (const rules::RulesFile& file : given.files) loaded.files.push_back(file.name);
        loaded.version = given.version;
        loaded.result = rules::load_rules(given.files, catalogue, settings.load);
        return loaded;
    }
    std::vector<rules::RulesFile> contents;
    for (const std::string& path : settings.paths) {
        auto files = rules_files(path);
        if (!files) {
            loaded.unreadable.push_back(files.error());
            continue;
        }
        for (const std::string& file : *files) {
            loaded.files.push_back(file);
            auto content = rules::read_rules_file(file);
            if (content)
                contents.push_back(std::move(*content));
            else
                loaded.unreadable.push_back(content.error());
        }
    }
    loaded.result = rules::load_rules(contents, catalogue, settings.load);
    loaded.version = local_version(contents);
    return loaded;
}

// Answers rules that were given. False: the ones before stay in use.
bool RuleHost::settle_given(const Loaded& loaded) {
    GivenOutcome o{next_->version, loaded.ok(), ""};
    for (const std::string& message : loaded.unreadable) o.message += message + "\n";
    for (const rules::FileResult& file : loaded.result.files)
        for (const rules::Problem& p : file.errors) o.message += problem_text(p, loaded.result.files) + "\n";
    // Of the paths, what loads is used: they are all there is, and are not what was given.
    o.applied |= next_->version.empty();
    if (o.applied) given_ = std::move(*next_);
    next_.reset();
    outcome_ = std::move(o);
    return outcome_->applied;
}

void RuleHost::give(GivenRules given) {
    next_ = std::move(given);
    if (!started_) return;  // load_now() comes
    if (loading_.valid()) again_ = true;
    else begin_load();
}

void RuleHost::report(const Loaded& loaded) const {
    for (const std::string& message : loaded.unreadable) log_(Severity::error, message);
    for (const rules::FileResult& file : loaded.result.files) {
        for (const rules::Problem& p : file.errors) log_(Severity::error, problem_text(p, loaded.result.files));
        for (const rules::Problem& p : file.warnings) log_(Severity::debug, problem_text(p, loaded.result.files));
    }
}

void RuleHost::adopt(Loaded loaded) {
    matcher_ = std::make_unique<rules::RuleMatcher>(loaded.result.ruleset);
    version_ = loaded.version;
    size_t enabled = 0;
    for (const rules::Rule& r : loaded.result.ruleset->rules()) enabled += r.enabled;
    if (enabled == 0 && !loaded.files.empty()) log_(Severity::warning, "No rules are in use: nothing that happens is reported.");
    log_(Severity::info, std::to_string(enabled) + " rules in use, from " + std::to_string(loaded.files.size()) + " files" + (given_.version.empty() ? "" : ", version " + version_));
}

void RuleHost::load_now() {
    watch();
    started_ = true;
    Loaded loaded = load(catalogue_, settings_, wanted());
    report(loaded);
    if (next_ && !settle_given(loaded)) {
        log_(Severity::error, "the rules of version " + outcome_->version + " have errors; those of the files are used");
        report(loaded = load(catalogue_, settings_, given_));
    }
    adopt(std::move(loaded));
}

void RuleHost::request_reload() {
    if (loading_.valid()) {
        again_ = true;
        return;
    }
    begin_load();
}

void RuleHost::begin_load() {
    watch();
    loading_next_ = next_.has_value();
    loading_ = std::async(std::launch::async, [this, given = wanted()] { return load(catalogue_, settings_, given); });
}

bool RuleHost::tick(uint64_t now_ns) {
    // From the first change on: whoever writes there all the time must not put the reload off for ever.
    if (files_changed() && reload_at_ == 0 && wanted().version.empty()) reload_at_ = now_ns + kDebounceNs;
    if (reload_at_ != 0 && now_ns >= reload_at_) {
        reload_at_ = 0;
        request_reload();
    }
    if (!loading_.valid() || loading_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return false;
    Loaded loaded = loading_.get();
    if (loading_next_ && std::exchange(again_, false)) {  // others were given meanwhile
        begin_load();
        return false;
    }
    report(loaded);
    const bool ok = loading_next_ ? settle_given(loaded) : loaded.ok();
    if (ok)
        adopt(std::move(loaded));
    else
        log_(Severity::error, "the changed rules have errors; the rules loaded before stay in use");
    if (again_) {
        again_ = false;
        request_reload();
    }
    return ok;
}

// Directories are watched, not files: editors replace a file by renaming another onto it. Anew for each load, as they may
// have been replaced themselves.
void RuleHost::watch() {
    watches_.reset(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    if (!watches_) {
        log_(Severity::warning, std::string("rules files are not watched: ") + std::strerror(errno) + "; send SIGHUP to reload");
        return;
    }
    std::set<std::string> directories;
    std::error_code ignored;
    for (const std::string& path : settings_.paths) {
        const fs::path parent = fs::is_directory(path, ignored) ? fs::path(path) : fs::path(path).parent_path();
        directories.insert(parent.empty() ? "." : parent.string());
    }
    for (const std::string& d : directories)
        ::inotify_add_watch(watches_.get(), d.c_str(), IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR);
}

bool RuleHost::files_changed() {
    if (!watches_) return false;
    alignas(inotify_event) char buffer[4096];
    bool changed = false;
    for (ssize_t n; (n = ::read(watches_.get(), buffer, sizeof buffer)) > 0;) {
        for (ssize_t at = 0; at < n;) {
            const auto* e = reinterpret_cast<const inotify_event*>(buffer + at);
            at += static_cast<ssize_t>(sizeof *e + e->len);
            const std::string_view name = e->len ? e->name : "";
            changed |= (e->mask & IN_Q_OVERFLOW) != 0 || name.ends_with(".yaml") || name.ends_with(".yml") ||
                       std::any_of(settings_.paths.begin(), settings_.paths.end(),
                                   [&](const std::string& p) { return fs::path(p).filename() == name; });
        }
    }
    return changed;
}

state::Interest interest_of(const rules::Ruleset& set) {
    state::Interest wanted;
    for (uint16_t type = 0; type < wire::kCallCount; ++type) {
        for (const uint32_t index : set.rules_for(type)) {
            const rules::Rule& rule = set.rules()[index];
            wanted.calls.set(type);
            if (any_reads_stack(rule.condition_fields) || any_reads_stack(rule.output.field_refs())) wanted.stacks.set(type);
            if (any_reads_result(rule.condition_fields) || any_reads_result(rule.output.field_refs())) wanted.results.set(type);
        }
    }
    wanted.names = !set.host_names().empty();
    for (const rules::FieldRef& f : set.needed_fields()) wanted.names |= f.mode == rules::MatchMode::host_name || f.text.starts_with("fd.asked.");
    return wanted;
}

}  // namespace undercoat::actions
