// The consumer behind the state: matches each event with the rules and writes alerts and the event log.
//
// Must stay true (state::Sink): after a commit() that was true everything earlier is written, or counted as dropped;
// else the rest waits in a bounded buffer because the disk does not take it; an event id that the log holds already is
// not written again; an alert is left out only if the same rule's alert of the same event was written.
#pragma once

#include "supervisor/actions/rule_host.h"
#include "supervisor/fields/file_hashes.h"
#include "supervisor/fields/view.h"
#include "supervisor/outputs/alert.h"
#include "supervisor/outputs/alert_journal.h"
#include "supervisor/outputs/composer.h"
#include "supervisor/outputs/internal_alerts.h"
#include "supervisor/outputs/line_sink.h"
#include "supervisor/outputs/resume.h"
#include "supervisor/outputs/tap.h"
#include "supervisor/outputs/web_server.h"
#include "supervisor/stack/asker.h"
#include "supervisor/state/sink.h"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace undercoat::outputs {

struct EngineSettings {
    actions::RuleSettings rules;      // no path: the rules directory of the bundle, if there is one
    std::string alerts = "stderr";    // stdout, stderr, none, or a file
    std::string events;               // a file; empty: no event log
    std::optional<Format> format;     // default: text on stdout and stderr, JSON in files
    bool resumed = false;             // takes over from a supervisor of the same run that died
    OutputSettings outputs;           // the channels beside `alerts`, what lines look like
    std::function<std::vector<std::pair<std::string, uint64_t>>()>
        drops;  // lost events so far by reason; null: not known
    std::string version;
    // Makes what forwards alerts, once the rules are loaded; null: nothing does. The argument: the host's name.
    std::function<std::unique_ptr<AlertTap>(const std::string&)> make_tap;
    // Holds ready() back until rules have come from the tap, so long at most; 0: it does not.
    std::chrono::seconds wait_for_rules{0};
    wire::AlertJournal* journal =
        nullptr;  // of this run; null: alerts are not told apart from those of a dead supervisor
};

struct EngineCounters {
    uint64_t events = 0;           // that rules saw
    uint64_t alerts = 0;
    uint64_t duplicates = 0;       // not written again after a restart
    uint64_t alert_lines_dropped = 0, event_lines_dropped = 0, write_errors = 0;
};

class Engine : public state::Sink {
public:
    Engine(EngineSettings settings, actions::Log log);

    state::Interest interest() const override;
    bool interest_changed() override { return std::exchange(interest_changed_, false); }
    state::Verdict on_event(const event::Event& e, state::State& state) override;
    void on_repeat() override { ++seen_; }
    bool commit() override;
    void mark() override;
    bool reached_mark() override;
    // SIGHUP: loads the rules again and opens the output files again, which may have been moved away.
    void reload() override;
    // SIGUSR1: opens the outputs again.
    void reopen() override;
    void tick(uint64_t now_ns) override;
    bool ready() override;
    void stop() override;

    EngineCounters counters() const;
    // Several lines for people: counters, and how often each rule matched. Written at stop at debug level.
    std::string statistics() const;
    const actions::RuleHost& rules() const { return host_; }

private:
    void open_alerts();
    void begin_alerts();
    void open_events();
    void write_alert(const rules::Rule& rule, const event::Event& e);
    void write_event(const event::Event& e, state::State& state);
    void write_internal(const InternalAlert& alert);
    void forward(const Alert& alert, const rules::Rule& rule, const event::Event& e);
    void tell_tap(const Metrics& m);
    void use_kept_rules();
    void exchange_rules();
    void note_coverage(const event::Event& e, const state::State& state);
    template <class Any>
    void send_to_channels(const Any& alert, std::string_view priority);
    Metrics metrics() const;
    void start_web();
    void look_at_counters(uint64_t now_ns);
    std::vector<std::string> static_names() const;

    const EngineSettings settings_;
    const actions::Log log_;
    fields::FieldCatalogue catalogue_;
    actions::RuleHost host_;
    fields::Surroundings surroundings_;
    std::optional<fields::View> view_;
    state::State* view_state_ = nullptr;
    stack::Asker stacks_;
    rules::Arena arena_, output_arena_;
    Composer composer_;
    std::vector<AlertField> fields_;
    std::unique_ptr<LineSink> alerts_, events_;
    std::unique_ptr<Fanout> channels_;   // null: none
    std::unique_ptr<AlertTap> tap_;      // null: none
    Composer context_composer_;          // what the tap is told beside the rule's output
    std::vector<AlertField> context_;
    uint64_t tap_mark_ = 0;
    DropMonitor drop_monitor_;
    std::unique_ptr<LineSink> metrics_file_;
    mutable std::mutex published_mutex_;
    std::string published_;              // Prometheus text, of the last second; for the web server's thread
    std::unique_ptr<WebServer> web_;     // after what its thread reads
    uint64_t start_ts_ = 0, next_look_ = 0, next_snapshot_ = 0;
    Format format_ = Format::text;
    bool alerts_to_file_ = false;
    AlertJournal journal_;
    WrittenLines written_events_;
    uint64_t alerts_mark_ = 0, events_mark_ = 0;
    std::string line_;
    std::map<std::pair<std::string, std::string>, uint64_t> coverage_;  // reason and level: processes
    bool interest_changed_ = false;
    std::chrono::steady_clock::time_point rules_until_{};  // ready() waits so long; no time: it does not
    uint64_t seen_ = 0, alerted_ = 0, duplicates_ = 0;
};

}  // namespace undercoat::outputs
