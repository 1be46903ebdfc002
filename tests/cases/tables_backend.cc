// The backend without the product's state: the catalogue of the specification's tables, and events whose few values
// can be read straight from the case. Fields that need process or descriptor state are refused with their name.
#include "tests/cases/backend.h"
#include "tests/cases/runner.h"
#include "tests/support/test_catalogue.h"

#include <iostream>

namespace undercoat::conformance {
namespace {

using namespace rules;

class TablesBackend : public Backend {
public:
    explicit TablesBackend(std::unique_ptr<test::TestCatalogue> catalogue) : catalogue_(std::move(catalogue)) {}
    const Catalogue& catalogue() const override { return *catalogue_; }
    bool renders_fields() const override { return false; }

    std::variant<std::unique_ptr<EventView>, std::string> view(const YAML::Node& events, size_t on, bool init_thread,
                                                               std::span<const FieldRef> fields) override {
        YAML::Node source = events[on];
        std::string type = source["type"].as<std::string>();
        auto id = find_event_type(*catalogue_, type);
        if (!id) return "unknown event type " + type;
        auto event = std::make_unique<test::TestEvent>(*id);
        event->set_text("evt.type", type);
        event->set_text("syscall.type", type);
        event->set_text("evt.source", "syscall");
        event->values["evt.num"] = Value::u64(on + 1);
        event->values["evt.plugininfo"] = Value();
        event->values["evt.cpu"] = Value::i64(1);
        fill_arguments(*event, source["args"]);
        fill_open(*event, type, source["args"]);
        if (type == "connect") fill_tuple(*event, source["args"]["tuple"]);
        if (type == "execve") fill_exec(*event, source["args"]);
        else if (init_thread && type == "getcwd" && source["tid"].as<int>() == 1) fill_init(*event);
        for (const FieldRef& f : fields)
            if (!event->values.contains(f.text)) return "field " + f.text + " needs the product's state and fields";
        return event;
    }

private:
    static bool plain_text(const YAML::Node& value, std::string& out) {
        YAML::Node v = value.IsMap() && value["v"] ? value["v"] : value;
        if (v.IsMap() && v["str"]) v = v["str"];
        if (!v.IsScalar() && !(v.IsMap() && v["hex"])) return false;
        out = text_of(v);
        return true;
    }

    void fill_arguments(test::TestEvent& event, const YAML::Node& args) const {
        std::string all;
        size_t index = 0;
        for (const auto& arg : args) {
            std::string name = arg.first.as<std::string>(), text;
            if (arg.second.IsMap() && arg.second["v"] && arg.second["v"].IsMap() && arg.second["v"]["bytes_hex"])
                event.values["evt.buffer"] = bytes(arg.second["v"]["bytes_hex"].as<std::string>());
            if (plain_text(arg.second, text)) {
                bool number = arg.second.IsMap() && arg.second["t"] && !text.empty() &&
                              text.find_first_not_of("-0123456789") == text.npos;
                if (!number || name == "res") event.set_text("evt.arg[" + std::to_string(index) + "]", text);
                if (name == "res" && number) event.values["evt.rawres"] = Value::i64(std::stoll(text));
                if (number) event.values["evt.rawarg." + name] = Value::i64(std::stoll(text));
                if (name == "path" || name == "name") event.set_text("evt.arg." + name, text);
                all += (all.empty() ? "" : " ") + name + "=" + text;
            }
            ++index;
        }
        event.set_text("evt.args", all);
    }

    static Value bytes(const std::string& hex) {
        static std::deque<std::string> kept;
        YAML::Node node;
        node["hex"] = hex;
        kept.push_back(text_of(node));
        return Value::bytes(kept.back());
    }

    static void fill_open(test::TestEvent& event, const std::string& type, const YAML::Node& args) {
        std::string name;
        if (type != "open" || !plain_text(args["name"], name) || name.empty() || name[0] != '/') return;
        event.set_text("fd.name", name);
        event.set_text("fd.directory", name.substr(0, std::max<size_t>(1, name.rfind('/'))));
        event.set_text("fd.filename", name.substr(name.rfind('/') + 1));
        event.set_list("fd.types", {Value::text("file")});
        std::string fd;
        if (plain_text(args["fd"], fd)) event.values["fd.num"] = Value::i64(std::stoll(fd));
    }

    static void fill_tuple(test::TestEvent& event, const YAML::Node& tuple) {
        std::vector<Value> sides;
        for (const auto& side : tuple["v"]["socktuple"])
            if (auto ip = IpAddress::parse(side["sockaddr"]["addr"]["str"].as<std::string>()))
                sides.push_back(Value::ip(*ip));
        if (sides.size() != 2) return;
        event.values["fd.cip"] = sides[0];
        event.values["fd.sip"] = sides[1];
        event.set_list("fd.ip", sides);
        event.set_list("fd.net", sides);
    }

    // The one process that the cases start with, and its lack of ancestors.
    static void fill_init(test::TestEvent& event) {
        event.set_text("proc.name", "init");
        event.set_text("proc.aname[0]", "init");
        event.values["proc.aname"] = Value();
        event.values["proc.apid[0]"] = Value::i64(1);
        event.values["thread.tid"] = Value::i64(1);
        event.values["evt.asynctype"] = Value();
    }

    static void fill_exec(test::TestEvent& event, const YAML::Node& args) {
        if (args["comm"]) event.set_text("proc.name", text_of(args["comm"]));
        if (args["exe"]) event.set_text("proc.exe", text_of(args["exe"]));
        if (args["pid"]) event.values["proc.pid"] = Value::i64(args["pid"].as<int64_t>());
    }

    std::unique_ptr<test::TestCatalogue> catalogue_;
};

}  // namespace

std::unique_ptr<Backend> make_backend() {
    std::string shared = test::shared_directory();
    if (shared.empty()) {
        std::cout << "SKIPPED: the specification (../shared) is absent\n";
        return nullptr;
    }
    return std::make_unique<TablesBackend>(test::TestCatalogue::from_specification(shared));
}

}  // namespace undercoat::conformance
