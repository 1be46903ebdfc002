// A Catalogue for tests, see test_catalogue.h.
#include "tests/support/test_catalogue.h"

#include <boost/json.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace undercoat::test {
namespace {

using rules::ArgumentUse;
using rules::FieldInfo;
using rules::FieldType;
using rules::MatchMode;

std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) throw std::runtime_error("cannot read " + path);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

FieldType field_type(std::string_view name) {
    static const std::map<std::string_view, FieldType> types = {
        {"BOOL", FieldType::boolean},   {"INT8", FieldType::int8},       {"INT16", FieldType::int16},
        {"INT32", FieldType::int32},    {"INT64", FieldType::int64},     {"UINT8", FieldType::uint8},
        {"UINT16", FieldType::uint16},  {"UINT32", FieldType::uint32},   {"UINT64", FieldType::uint64},
        {"PORT", FieldType::port},      {"RELTIME", FieldType::reltime}, {"ABSTIME", FieldType::abstime},
        {"DOUBLE", FieldType::real},    {"CHARBUF", FieldType::text},    {"BYTEBUF", FieldType::bytes},
        {"IPADDR", FieldType::ip},      {"IPNET", FieldType::net},       {"DYNAMIC", FieldType::dynamic},
        {"FSPATH", FieldType::path},    {"FSRELPATH", FieldType::path},  {"FD", FieldType::int64},
        {"ERRNO", FieldType::int64},    {"PID", FieldType::int64},       {"UID", FieldType::uint32},
        {"GID", FieldType::uint32},     {"MODE", FieldType::mode},       {"FLAGS8", FieldType::flags},
        {"FLAGS16", FieldType::flags},  {"FLAGS32", FieldType::flags},   {"ENUMFLAGS8", FieldType::flags},
        {"ENUMFLAGS16", FieldType::flags}, {"ENUMFLAGS32", FieldType::flags}, {"FD32", FieldType::int32},
        {"PID32", FieldType::int32}};
    auto it = types.find(name);
    return it == types.end() ? FieldType::bytes : it->second;
}

// What the table of fields does not say.
void mark(FieldInfo& f) {
    static const std::set<std::string_view> any = {"proc.aname", "proc.aexe", "proc.aexepath", "proc.acmdline",
                                                   "proc.aenv",  "proc.apid"};
    static const std::set<std::string_view> either = {"fd.ip", "fd.port", "fd.net", "fd.proto"};
    static const std::set<std::string_view> nets = {"fd.net", "fd.cnet", "fd.snet", "fd.lnet", "fd.rnet"};
    static const std::set<std::string_view> plain = {"proc.acmdline", "proc.aenv", "proc.apid", "evt.rawarg",
                                                     "fd.proto"};
    static const std::set<std::string_view> indexed = {"proc.args",  "proc.env", "proc.aargs",    "evt.arg",
                                                       "evt.rawarg", "fd.types", "thread.cgroup", "evt.around"};
    if (any.contains(f.name)) f.bare_mode = MatchMode::any_of;
    if (either.contains(f.name)) f.bare_mode = MatchMode::either_side;
    if (f.name.starts_with("fd.") && f.name.ends_with("ip.name")) f.bare_mode = MatchMode::host_name;
    bool is_net = nets.contains(f.name), is_plain = plain.contains(f.name);
    f.filter_only = is_net || either.contains(f.name);
    f.no_rhs = is_net || is_plain || either.contains(f.name) || f.name == "evt.around";
    f.no_transformer = f.no_rhs;
    if (any.contains(f.name) || indexed.contains(f.name)) {
        if (f.argument == ArgumentUse::none) f.argument = ArgumentUse::allowed;
        f.argument_index = true;
        f.argument_key = !any.contains(f.name) || f.name == "proc.aenv";
    }
    f.dotted_argument = f.name == "evt.arg" || f.name == "evt.rawarg";
    if (f.dotted_argument) f.argument = ArgumentUse::required;
    f.deprecated = f.name == "evt.dir" || f.name.starts_with("evt.latency") || f.name == "evt.wait_latency";
    f.print_only = f.name == "evt.outputtime";
}

}  // namespace

std::string shared_directory() {
    const char* named = std::getenv("UNDERCOAT_SHARED");
    for (std::string path :
         {named ? std::string(named) : std::string(), std::string("../shared"), std::string(SOURCE_ROOT "/../shared")})
        if (!path.empty() && std::filesystem::exists(path + "/spec/falco_fields.tsv")) return path;
    return "";
}

FieldInfo TestCatalogue::field(std::string_view name, FieldType type) {
    FieldInfo f;
    f.name = name;
    f.type = type;
    mark(f);
    return f;
}

TestCatalogue::TestCatalogue(std::vector<FieldInfo> fields, std::vector<std::string> event_types,
                             std::map<std::string, FieldType> arguments)
    : fields_(std::move(fields)) {
    for (auto& name : event_types) event_types_.push_back(strings_.emplace_back(std::move(name)));
    for (auto& [name, type] : arguments) {
        arguments_.push_back(strings_.emplace_back(name));
        argument_types_.emplace(name, type);
    }
}

std::unique_ptr<TestCatalogue> TestCatalogue::from_specification(const std::string& shared) {
    std::vector<std::string> event_types;
    std::map<std::string, FieldType> arguments;
    auto table = boost::json::parse(read_file(shared + "/spec/event_table.json")).as_object();
    std::set<std::string> seen = {"NA"};
    for (const auto& [key, event] : table) {
        std::string name(event.at("name").as_string());
        if (seen.insert(name).second) event_types.push_back(name);
        for (const auto& parameter : event.at("params").as_array())
            arguments.emplace(std::string(parameter.at(0).as_string()),
                              field_type(std::string_view(parameter.at(1).as_string())));
    }
    for (const char* name : {"container", "gettid", "getpid", "getppid", "sysinfo", "uname", "times"})
        if (seen.insert(name).second) event_types.push_back(name);

    auto catalogue =
        std::make_unique<TestCatalogue>(std::vector<FieldInfo>(), std::move(event_types), std::move(arguments));
    // Fields that exist but are no longer listed.
    for (const char* name :
         {"evt.dir", "evt.latency", "evt.latency.s", "evt.latency.ns", "evt.latency.human", "evt.wait_latency"})
        catalogue->fields_.push_back(field(name));
    std::istringstream lines(read_file(shared + "/spec/falco_fields.tsv"));
    for (std::string line; std::getline(lines, line);) {
        if (line.empty() || line[0] == '#') continue;
        std::istringstream columns(line);
        std::string group, name, type, list, argument;
        std::getline(columns, group, '\t');
        std::getline(columns, name, '\t');
        std::getline(columns, type, '\t');
        std::getline(columns, list, '\t');
        std::getline(columns, argument, '\t');
        FieldInfo f = field(catalogue->strings_.emplace_back(name), field_type(type));
        f.is_list = list == "True";
        if (argument.find("required") != argument.npos) {
            f.argument = ArgumentUse::required;
            f.argument_key = true;
            f.argument_index = true;
        }
        if (f.name == "evt.abspath") f.argument = ArgumentUse::allowed;  // the cases use it bare too
        catalogue->fields_.push_back(f);
    }
    return catalogue;
}

Result<rules::FieldRef> TestCatalogue::resolve(const FieldInfo& info, std::optional<std::string_view> argument) const {
    rules::FieldRef ref;
    ref.info = &info;
    ref.type = info.type;
    ref.is_list = info.is_list;
    ref.mode = argument ? MatchMode::scalar : info.bare_mode;
    ref.field = static_cast<uint32_t>(&info - fields_.data());
    if (argument) ref.key = *argument;
    if (ref.type == FieldType::dynamic) {
        auto it = argument_types_.find(ref.key);
        ref.type = it == argument_types_.end() ? FieldType::text : it->second;
    }
    return ref;
}

}  // namespace undercoat::test
