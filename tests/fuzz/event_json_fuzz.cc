// Fuzzes the reader of event lines (--events, rules tests, replay): each line goes into state and through every field.
//
// Properties beside "does not crash": what was read, written and read again is written alike; the state stays within its limits.
#include "supervisor/event/json.h"
#include "supervisor/fields/view.h"

#include <cstdio>
#include <cstdlib>

using namespace undercoat;

namespace {

constexpr size_t kThreads = 64;

state::Options options() {
    state::Options o;
    o.read_proc = false;
    o.limits.threads = kThreads;
    o.limits.fds = 256;
    return o;
}

void require(bool condition, const std::string& what) {
    if (condition) return;
    std::fprintf(stderr, "%s\n", what.c_str());
    std::abort();
}

// Every field without argument, and some with one.
const std::vector<rules::FieldRef>& references(const fields::FieldCatalogue& catalogue) {
    static const std::vector<rules::FieldRef> all = [&] {
        std::vector<rules::FieldRef> refs;
        const auto add = [&](std::string_view name, std::optional<std::string_view> argument) {
            auto ref = rules::find_field(catalogue, name, argument);
            if (auto* r = std::get_if<rules::FieldRef>(&ref)) refs.push_back(std::move(*r));
        };
        for (const rules::FieldInfo& f : catalogue.fields()) {
            add(f.name, std::nullopt);
            for (const char* argument : {"0", "1", "fd", "name", "HOME", "cpu"}) add(f.name, argument);
        }
        return refs;
    }();
    return all;
}

void one(std::string_view line, const fields::FieldCatalogue& catalogue, state::State& s, fields::View& view) {
    static event::Event e, again;
    if (const Status status = event::parse_json(line, e); !status) {
        require(!status.error().empty(), "an error without a message");
        e.reset();
        return;
    }
    std::string json, second;
    event::append_json(e, json);
    const Status status = event::parse_json(json, again);
    require(static_cast<bool>(status), status ? "" : status.error() + "\n" + json);
    event::append_json(again, second);
    require(json == second, "read and written again it differs:\n" + json + "\n" + second);
    s.apply(e);
    if (e.has_type()) {
        e.num = 1;
        view.set(e);
        rules::Arena arena;
        for (const rules::FieldRef& f : references(catalogue)) {
            (void)view.extract(f, arena);
            if (!f.info->filter_only) (void)view.output_value(f, arena);
        }
    }
    s.finish();
    require(s.thread_count() <= kThreads, "too many threads");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const fields::FieldCatalogue catalogue;
    state::State s(options());
    fields::Surroundings surroundings;
    fields::View view(catalogue, s, surroundings);
    std::string_view input(reinterpret_cast<const char*>(data), size);
    while (!input.empty()) {
        const size_t end = std::min(input.find('\n'), input.size());
        one(input.substr(0, end), catalogue, s, view);
        input.remove_prefix(std::min(end + 1, input.size()));
    }
    return 0;
}
