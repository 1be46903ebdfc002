// Rules to alerts, events to lines, see engine.h.
#include "supervisor/outputs/engine.h"

#include "supervisor/fields/render.h"
#include "supervisor/outputs/event_line.h"

#include <algorithm>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

namespace undercoat::outputs {
namespace {

using actions::Severity;

// How much of a file is read back after a restart: more than the rings can hold unacknowledged.
constexpr size_t kReadBack = 64 * 1024 * 1024;

std::string host_name() {
    if (const char* name = std::getenv("FALCO_HOSTNAME"); name && *name) return name;
    char name[256] = {};
    return ::gethostname(name, sizeof name - 1) == 0 ? name : "";
}

// …/rules beside …/bin, where this program lies.
std::vector<std::string> bundled_rules() {
    std::error_code error;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
    if (error) return {};
    const auto directory = self.parent_path().parent_path() / "rules";
    if (!std::filesystem::is_directory(directory, error)) return {};
    return {directory.string()};
}

EngineSettings completed(EngineSettings s) {
    if (s.rules.paths.empty()) s.rules.paths = bundled_rules();
    return s;
}

uint64_t wall_clock() {
    timespec t{};
    ::clock_gettime(CLOCK_REALTIME, &t);
    return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(t.tv_nsec);
}

// What a person asks of an alert that its rule's output may not tell.
std::vector<AppendedOutput> context_of_alerts() {
    AppendedOutput all;
    for (const char* field : {"evt.type", "proc.name", "proc.pid", "proc.exepath", "proc.cmdline", "proc.cwd", "proc.ppid", "proc.pname",
                              "proc.pcmdline", "proc.aname[2]", "proc.aname[3]", "proc.aname[4]", "proc.aname[5]", "proc.tty", "user.name",
                              "user.uid", "container.id", "container.name", "container.image.repository", "fd.name"})
        all.extra_fields.emplace_back(field, "");
    return {all};
}

bool is_stream(const std::string& target) { return target == "stdout" || target == "stderr"; }

}  // namespace

Engine::Engine(EngineSettings settings, actions::Log log)
    : settings_(completed(std::move(settings))), log_(std::move(log)), catalogue_(static_names()),
      host_(catalogue_, settings_.rules, log_),
      composer_(settings_.outputs.append, catalogue_, [this](const std::string& m) { log_(Severity::error, m); }),
      context_composer_(context_of_alerts(), catalogue_, [](const std::string&) {}),
      drop_monitor_(settings_.outputs.drops), journal_(settings_.journal) {
    surroundings_.hostname = host_name();
    surroundings_.hashes = std::make_shared<fields::FileHashes>();
    surroundings_.stack = [this](const event::Event& e, int64_t vpid) -> std::string_view {
        return stacks_.text(e, vpid);
    };
    for (const auto& [name, value] : settings_.outputs.static_fields)
        surroundings_.static_fields["static." + name] = value;
    format_ = settings_.format.value_or(is_stream(settings_.alerts) ? Format::text : Format::json);
    open_alerts();
    if (alerts_) begin_alerts();
    if (!settings_.events.empty()) open_events();
    if (settings_.rules.paths.empty())
        log_(Severity::warning, "no rules are given and none lie in the bundle: nothing is alerted; use --rules FILE");
    if (settings_.make_tap) tap_ = settings_.make_tap(surroundings_.hostname);
    use_kept_rules();
    host_.load_now();
    if (tap_) tap_->begin(host_.version());
    start_ts_ = wall_clock();
    const auto warn = [this](const std::string& m) { log_(Severity::error, m); };
    channels_ = std::make_unique<Fanout>(settings_.outputs, surroundings_.hostname, warn);
    if (channels_->empty()) channels_.reset();
    start_web();
}

void Engine::open_alerts() {
    const auto warn = [this](const std::string& m) { log_(Severity::error, m); };
    if (settings_.alerts == "none") return;
    if (is_stream(settings_.alerts)) {
        const int fd = settings_.alerts == "stdout" ? STDOUT_FILENO : STDERR_FILENO;
        alerts_ = std::make_unique<LineSink>(fd, false, settings_.alerts, warn);
        return;
    }
    auto file = open_for_lines(settings_.alerts);
    if (!file) {
        log_(Severity::error, file.error() + " Alerts go to stderr instead.");
        alerts_ = std::make_unique<LineSink>(STDERR_FILENO, false, "stderr", warn);
        return;
    }
    alerts_to_file_ = true;
    alerts_ = std::make_unique<LineSink>(file->release(), true, settings_.alerts, warn);
}

void Engine::begin_alerts() {
    alerts_->report_progress(journal_.progress());
    if (!journal_.was_torn() || !alerts_->keeps_torn_lines()) return;
    // Whoever reads lines must not take the next alert for the rest of the half one.
    journal_.note_bytes(1);
    alerts_->append("\n");
}

void Engine::open_events() {
    auto file = open_for_lines(settings_.events);
    if (!file) {
        log_(Severity::error, file.error() + " There is no event log.");
        return;
    }
    if (settings_.resumed) written_events_ = WrittenLines::read(file->get(), kReadBack, event_line_key);
    events_ = std::make_unique<LineSink>(file->release(), true, settings_.events,
                                         [this](const std::string& m) { log_(Severity::error, m); });
}

state::Interest Engine::interest() const {
    state::Interest wanted = host_.interest();
    if (composer_.reads("thread.stack")) wanted.stacks = wanted.calls;
    if (!events_) return wanted;
    for (uint16_t i = 0; i < wire::kCallCount; ++i)
        if (wire::captured(wire::kCalls[i])) wanted.calls.set(i), wanted.results.set(i);
    wanted.names = true;
    return wanted;
}

state::Verdict Engine::on_event(const event::Event& e, state::State& state) {
    if (view_state_ != &state) {
        view_.emplace(catalogue_, state, surroundings_);
        view_state_ = &state;
    }
    if (surroundings_.first_ts == 0) surroundings_.first_ts = e.ts;
    bool quiet = false;
    if (e.has_type()) {
        ++seen_;
        view_->set(e);
        bool matched = false;
        host_.match(*view_, arena_, [&](const rules::Rule& rule) {
            matched = true;
            write_alert(rule, e);
        });
        quiet = !matched && !view_->varied();
    }
    if (e.kind == event::Kind::coverage && e.has_type()) note_coverage(e, state);
    if (events_) write_event(e, state);
    surroundings_.last_ts = e.ts;
    return quiet && !events_ ? state::Verdict::quiet : state::Verdict::noted;
}

void Engine::write_alert(const rules::Rule& rule, const event::Event& e) {
    if (!alerts_ && !channels_ && !tap_) return;
    const bool written = alerts_ && journal_.written_before(e.id, rule.name);
    if (written) ++duplicates_;
    if (written && !tap_) return;
    output_arena_.reset();
    Alert alert;
    alert.rule = rule.name;
    alert.priority = rules::to_string(rule.priority);
    alert.source = rule.source;
    alert.tags = rule.tags;
    alert.ts = e.ts;
    composer_.compose(rule, *view_, output_arena_, alert.message, fields_);
    alert.fields = fields_;
    if (tap_) forward(alert, rule, e);  // knows by itself what its predecessor took
    if (written) return;
    ++alerted_;
    if (channels_) send_to_channels(alert, alert.priority);
    if (!alerts_) return;
    line_.clear();
    if (format_ == Format::json)
        append_json_line(alert, surroundings_.hostname, line_, settings_.outputs.style);
    else
        append_text_line(alert, line_, settings_.outputs.style);
    journal_.note(e.id, rule.name, line_.size());
    if (!alerts_->append(line_)) journal_.withdraw(line_.size());
}

void Engine::write_event(const event::Event& e, state::State& state) {
    if (!written_events_.empty() && take_event(written_events_, e.id.text(), e.ts)) {
        ++duplicates_;
        return;
    }
    output_arena_.reset();
    line_.clear();
    append_event_line(e, state, surroundings_, output_arena_, line_);
    events_->append(line_);
}

bool Engine::commit() {
    const bool alerts = !alerts_ || alerts_->commit();
    const bool events = !events_ || events_->commit();
    const bool forwarded = !tap_ || tap_->safe() >= tap_->taken();
    return alerts && events && forwarded;
}

void Engine::mark() {
    if (alerts_) alerts_mark_ = alerts_->appended();
    if (events_) events_mark_ = events_->appended();
    if (tap_) tap_mark_ = tap_->taken();
}

bool Engine::reached_mark() {
    return (!alerts_ || alerts_->written() >= alerts_mark_) && (!events_ || events_->written() >= events_mark_) &&
           (!tap_ || tap_->safe() >= tap_mark_);
}

void Engine::reload() {
    host_.request_reload();
    reopen();
}

void Engine::reopen() {
    const auto reopen = [&](LineSink* sink, const std::string& path) {
        auto file = open_for_lines(path);
        if (file)
            sink->replace(file->release());
        else
            log_(Severity::error, file.error() + " The file that was open before stays in use.");
    };
    if (alerts_to_file_) reopen(alerts_.get(), settings_.alerts);
    if (events_) reopen(events_.get(), settings_.events);
    if (channels_) channels_->reopen();
}

void Engine::tick(uint64_t now_ns) {
    if (tap_) exchange_rules();
    const bool other_rules = host_.tick(now_ns);
    if (other_rules) composer_.forget(), context_composer_.forget();
    interest_changed_ |= other_rules;
    look_at_counters(now_ns);
}

void Engine::stop() {
    next_look_ = next_snapshot_ = 1;  // the last numbers
    look_at_counters(UINT64_MAX / 2);
    commit();
    channels_.reset();  // delivers what waits
    tap_.reset();       // the same
    log_(Severity::debug, statistics());
}

EngineCounters Engine::counters() const {
    EngineCounters c;
    c.events = seen_;
    c.alerts = alerted_;
    c.duplicates = duplicates_;
    if (alerts_) c.alert_lines_dropped = alerts_->lines_dropped(), c.write_errors += alerts_->write_errors();
    if (events_) c.event_lines_dropped = events_->lines_dropped(), c.write_errors += events_->write_errors();
    return c;
}

std::string Engine::statistics() const {
    const EngineCounters c = counters();
    std::string s = "events " + std::to_string(c.events) + ", alerts " + std::to_string(c.alerts) +
                    ", not written twice " + std::to_string(c.duplicates) + ", alert lines dropped " +
                    std::to_string(c.alert_lines_dropped) + ", event lines dropped " +
                    std::to_string(c.event_lines_dropped) + ", write errors " + std::to_string(c.write_errors);
    for (const auto& [rule, n] : host_.matches()) s += "\n  " + std::to_string(n) + "  " + rule;
    return s;
}

}  // namespace undercoat::outputs
