// What the engine says about itself: metrics, dropped events; and the channels beside the main output. See engine.h.
#include "supervisor/outputs/engine.h"

#include "supervisor/fields/render.h"

#include <ctime>

namespace undercoat::outputs {
namespace {

using actions::Severity;
constexpr uint64_t kSecond = 1'000'000'000;

uint64_t wall_clock() {
    timespec t{};
    ::clock_gettime(CLOCK_REALTIME, &t);
    return static_cast<uint64_t>(t.tv_sec) * kSecond + static_cast<uint64_t>(t.tv_nsec);
}

unsigned severity_number(std::string_view priority) {
    const auto p = rules::priority_named(priority);
    return p ? static_cast<unsigned>(*p) : 7;
}

}  // namespace

std::vector<std::string> Engine::static_names() const {
    std::vector<std::string> names;
    for (const auto& f : settings_.outputs.static_fields) names.push_back(f.first);
    return names;
}

template <class Any>
void Engine::send_to_channels(const Any& alert, std::string_view priority) {
    auto m = std::make_shared<Message>();
    m->ts = alert.ts;
    m->severity = severity_number(priority);
    append_text_line(alert, m->text, settings_.outputs.style);
    append_json_line(alert, surroundings_.hostname, m->json, settings_.outputs.style);
    m->line = settings_.format == Format::json ? m->json : m->text;
    channels_->send(std::move(m));
}
template void Engine::send_to_channels(const Alert& alert, std::string_view priority);

// Distinct for each rule and event, and the same in every supervisor of a run.
static uint64_t key_of(const event::EventId& id, std::string_view rule) {
    uint64_t h = 0xcbf29ce484222325;
    const auto mix = [&h](uint64_t v) { h = (h ^ v) * 0x100000001b3, h ^= h >> 29; };
    mix(id.ring);
    mix(id.position);
    for (const char c : rule) mix(static_cast<uint8_t>(c));
    return h | 1;
}

void Engine::forward(const Alert& alert, const rules::Rule& rule, const event::Event& e) {
    std::string fields, context, unused;
    append_fields_object(alert.fields, alert.ts, settings_.outputs.style, fields);
    context_composer_.compose(rule, *view_, output_arena_, unused, context_);
    std::erase_if(context_, [](const AlertField& f) { return !f.value.exists(); });
    append_fields_object(context_, alert.ts, settings_.outputs.style, context);
    TappedAlert t;
    t.key = e.id.ring || e.id.position ? key_of(e.id, rule.name) : 0;
    t.ts = alert.ts, t.severity = severity_number(alert.priority);
    t.rule = alert.rule, t.source = alert.source, t.hostname = surroundings_.hostname, t.message = alert.message;
    t.tags = alert.tags;
    t.fields = fields, t.context = context;
    tap_->take(t);
}

void Engine::tell_tap(const Metrics& m) {
    AlertTap::Counts counts = {{"events", m.events}, {"alerts", m.alerts}, {"alerts_not_repeated", m.duplicates}, {"rules", m.rules},
                               {"drops", m.dropped_events()}, {"drops_alert_lines", m.alert_lines_dropped},
                               {"drops_event_lines", m.event_lines_dropped}};
    for (const auto& [reason, n] : m.drops) counts.emplace_back("drops_" + reason, n);
    tap_->tell(std::move(counts), host_.version());
}

namespace {

actions::GivenRules given(TappedRules rules) {
    actions::GivenRules out{std::move(rules.version), {}};
    for (auto& [name, content] : rules.files) out.files.push_back({std::move(name), std::move(content)});
    return out;
}

}  // namespace

void Engine::use_kept_rules() {
    if (!tap_) return;
    if (auto kept = tap_->kept_rules()) return host_.give(given(std::move(*kept)));
    if (settings_.wait_for_rules.count() == 0) return;
    rules_until_ = std::chrono::steady_clock::now() + settings_.wait_for_rules;
    log_(Severity::warning, "UNDERCOAT_PRIORITY=security: the workload waits for rules from the collector, " +
                                std::to_string(settings_.wait_for_rules.count()) + " s at most");
}

void Engine::exchange_rules() {
    if (auto rules = tap_->new_rules()) host_.give(given(std::move(*rules)));
    if (const auto outcome = host_.outcome()) tap_->rules_done(outcome->version, outcome->applied, outcome->message, host_.version());
}

bool Engine::ready() {
    if (rules_until_ == std::chrono::steady_clock::time_point{}) return true;
    const bool late = std::chrono::steady_clock::now() >= rules_until_;
    if (!late && !(tap_->rules_answered() && !host_.busy())) return false;
    if (late)
        log_(Severity::error, "no rules came from the collector within " + std::to_string(settings_.wait_for_rules.count()) +
                                  " s (UNDERCOAT_RULES_TIMEOUT): the workload starts with the rules that are here");
    rules_until_ = {};
    return true;
}

void Engine::write_internal(const InternalAlert& alert) {
    if (channels_) send_to_channels(alert, alert.priority);
    if (tap_) {
        std::string fields;
        append_fields_object(alert.fields, alert.ts, settings_.outputs.style, fields);
        TappedAlert t;
        t.ts = alert.ts, t.severity = severity_number(alert.priority);
        t.rule = alert.rule, t.source = "internal", t.hostname = surroundings_.hostname, t.message = alert.message;
        t.fields = fields, t.context = "{}";
        tap_->take(t);
    }
    if (!alerts_) return;
    line_.clear();
    if (format_ == Format::json)
        append_json_line(alert, surroundings_.hostname, line_, settings_.outputs.style);
    else
        append_text_line(alert, line_, settings_.outputs.style);
    journal_.note_bytes(line_.size());
    if (!alerts_->append(line_)) journal_.withdraw(line_.size());
}

void Engine::note_coverage(const event::Event& e, const state::State& state) {
    ++coverage_[{std::string(e.param("reason").text), std::string(e.param("level").text)}];
    if (!alerts_of(settings_.outputs.coverage, e)) return;
    const state::Thread* thread = state.context().thread;
    output_arena_.reset();
    write_internal(coverage_alert(e, thread ? fields::sanitized(thread->comm, output_arena_) : std::string_view()));
}

Metrics Engine::metrics() const {
    Metrics m;
    m.version = settings_.version;
    m.hostname = surroundings_.hostname;
    m.start_ts = start_ts_, m.now_ts = wall_clock();
    const EngineCounters c = counters();
    m.events = c.events, m.alerts = c.alerts, m.duplicates = c.duplicates;
    m.alert_lines_dropped = c.alert_lines_dropped, m.event_lines_dropped = c.event_lines_dropped,
    m.write_errors = c.write_errors;
    for (const rules::Rule& r : host_.ruleset().rules()) {
        m.rules += r.enabled;
        if (const auto it = host_.matches().find(r.name); it != host_.matches().end())
            m.matches.push_back({r.name, std::string(rules::to_string(r.priority)), r.source, r.tags, it->second});
    }
    if (surroundings_.hashes) m.hashes = surroundings_.hashes->counters();
    if (settings_.drops) m.drops = settings_.drops();
    if (channels_) m.channels = channels_->states();
    if (tap_) m.forward = tap_->counters();
    m.stack_failures = stacks_.failures();
    for (const auto& [key, n] : coverage_) m.coverage.push_back({key.first, key.second, n});
    return m;
}

void Engine::start_web() {
    if (settings_.outputs.metrics.enabled && !settings_.outputs.metrics.output_file.empty()) {
        auto file = open_for_lines(settings_.outputs.metrics.output_file);
        if (!file) log_(Severity::error, file.error() + " Metrics are not written there.");
        else metrics_file_ = std::make_unique<LineSink>(file->release(), true, settings_.outputs.metrics.output_file,
                                                        [this](const std::string& m) { log_(Severity::error, m); });
    }
    if (!settings_.outputs.web.enabled) return;
    published_ = prometheus_text(metrics());
    WebContent content;
    content.metrics = [this] {
        std::lock_guard lock(published_mutex_);
        return published_;
    };
    content.versions = [version = settings_.version] {
        return "{\"engine_version\":\"63\",\"engine_version_semver\":\"0.63.0\",\"undercoat_version\":\"" + version +
               "\"}";
    };
    auto server = WebServer::start(settings_.outputs.web, std::move(content));
    if (server) web_ = std::move(*server);
    else log_(Severity::error, server.error());
}

void Engine::look_at_counters(uint64_t now_ns) {
    if (now_ns < next_look_) return;
    next_look_ = now_ns + kSecond;
    const MetricsSettings& s = settings_.outputs.metrics;
    const Metrics m = metrics();
    if (tap_) tell_tap(m);
    if (const auto found = drop_monitor_.look(m, now_ns)) {
        if (settings_.outputs.drops.log)
            log_(Severity::warning, std::to_string(found->dropped) + " events were lost beside " +
                                        std::to_string(found->events) + " that were seen");
        if (found->alert) write_internal(drop_alert(*found, m.now_ts));
    }
    if (web_) {
        std::string text = prometheus_text(m);
        std::lock_guard lock(published_mutex_);
        published_.swap(text);
    }
    if (!s.enabled) return;
    if (next_snapshot_ == 0) next_snapshot_ = now_ns + static_cast<uint64_t>(s.interval.count()) * kSecond;
    if (now_ns < next_snapshot_) return;
    next_snapshot_ = now_ns + static_cast<uint64_t>(s.interval.count()) * kSecond;
    const InternalAlert alert = metrics_alert(m);
    if (s.output_rule) write_internal(alert);
    if (!metrics_file_) return;
    line_.clear();
    append_json_line(alert, surroundings_.hostname, line_, settings_.outputs.style);
    metrics_file_->append(line_);
    metrics_file_->commit();
}

}  // namespace undercoat::outputs
