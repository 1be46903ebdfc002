// See alert_view.h.
#include "collector/query/alert_view.h"

#include <algorithm>
#include <charconv>

namespace undercoat::collector {
namespace {

using rules::FieldType;
using rules::MatchMode;
using rules::Value;

bool orders(rules::Operator op) { return rules::is_numeric_operator(op); }

constexpr std::pair<std::string_view, std::string_view> kNetworks[] =
    {  // tested against networks; where the address stands
        {"fd.net", ""},
        {"fd.snet", "fd.sip"},
        {"fd.cnet", "fd.cip"},
        {"fd.lnet", "fd.lip"},
        {"fd.rnet", "fd.rip"}};

std::optional<std::string_view> address_of(std::string_view name) {
    for (const auto& [net, ip] : kNetworks)
        if (net == name) return ip;
    return std::nullopt;
}

// Fields of which an output, or an agent, may hold several, by index.
constexpr std::string_view kSeveral[] = {"proc.aname", "proc.aexe",  "proc.aexepath", "proc.acmdline",
                                         "proc.apid",  "proc.aargs", "proc.aenv",     "agent.tags"};

}  // namespace

bool scalar_text(const boost::json::value& value, std::string& out) {
    switch (value.kind()) {
        case boost::json::kind::string: out.assign(value.get_string().data(), value.get_string().size()); return true;
        case boost::json::kind::int64: out = std::to_string(value.get_int64()); return true;
        case boost::json::kind::uint64: out = std::to_string(value.get_uint64()); return true;
        case boost::json::kind::bool_: out = value.get_bool() ? "true" : "false"; return true;
        case boost::json::kind::double_: {
            char text[64];
            const auto [end, error] = std::to_chars(text, text + sizeof text, value.get_double());
            out.assign(text, error == std::errc() ? end : text);
            return true;
        }
        default: return false;
    }
}

boost::json::value parse_bounded(std::string_view text, boost::json::storage_ptr storage) {
    boost::json::parse_options options;
    options.max_depth = 8;
    boost::system::error_code error;
    auto value = boost::json::parse({text.data(), text.size()}, error, std::move(storage), options);
    return error ? boost::json::value() : value;
}

AlertCatalogue::AlertCatalogue(const rules::Node& condition) {
    types_.push_back("alert");
    look_at(condition);
}

void AlertCatalogue::look_at(const rules::Node& node) {
    for (const auto& child : node.children) look_at(*child);
    if (node.kind != rules::Node::Kind::comparison) return;
    look_at(node.left, orders(node.op));
    look_at(node.right, orders(node.op));
    if (node.left.text != "evt.type") return;
    // Every name is a type of event here: what agents see is their matter.
    const auto add = [this](const rules::Operand& o) {
        if (std::find(types_.begin(), types_.end(), o.text) == types_.end())
            types_.push_back(names_.emplace_back(o.text));
    };
    add(node.right);
    for (const rules::Operand& item : node.right.items) add(item);
}

void AlertCatalogue::look_at(const rules::Operand& operand, bool ordered) {
    for (const rules::Operand& item : operand.items) look_at(item, false);
    if (operand.kind != rules::Operand::Kind::field) return;
    auto it =
        std::find_if(fields_.begin(), fields_.end(), [&](const rules::FieldInfo& f) { return f.name == operand.text; });
    if (it == fields_.end()) {
        rules::FieldInfo info;
        info.name = names_.emplace_back(operand.text);
        info.type = operand.text == "alert.severity" ? FieldType::int64 : FieldType::text;
        if (operand.text == "alert.tags" ||
            std::find(std::begin(kSeveral), std::end(kSeveral), operand.text) != std::end(kSeveral))
            info.bare_mode = MatchMode::any_of;
        if (address_of(operand.text))
            info.type = FieldType::net,
            info.bare_mode = operand.text == "fd.net" ? MatchMode::either_side : MatchMode::scalar;
        info.argument = rules::ArgumentUse::allowed;
        info.argument_index = info.argument_key = true;
        fields_.push_back(info);
        it = fields_.end() - 1;
    }
    if (ordered && it->type == FieldType::text) it->type = FieldType::int64;
}

Result<rules::FieldRef> AlertCatalogue::resolve(const rules::FieldInfo& info,
                                                std::optional<std::string_view> argument) const {
    rules::FieldRef ref;
    ref.info = &info;
    ref.type = info.type;
    ref.mode = argument ? MatchMode::scalar : info.bare_mode;
    ref.key = info.name;
    if (argument) ref.key += "[" + std::string(*argument) + "]";
    return ref;
}

bool AlertCatalogue::is_plain_text(std::string_view field) const {
    for (const rules::FieldInfo& f : fields_)
        if (f.name == field) return f.type == FieldType::text;
    return false;
}

void AlertView::set(const AlertRecord& record) {
    record_ = &record;
    parsed_ = false;
}

void AlertView::parse() {
    if (std::exchange(parsed_, true)) return;
    fields_ = parse_bounded(record_->fields);
    context_ = parse_bounded(record_->context);
    tags_ = parse_bounded(record_->tags);
}

const boost::json::value* AlertView::find(std::string_view name) {
    parse();
    for (const boost::json::value* object : {&fields_, &context_})
        if (object->is_object())
            if (const auto* v = object->get_object().if_contains({name.data(), name.size()}); v && !v->is_null())
                return v;
    return nullptr;
}

Value AlertView::own(std::string_view name, rules::Arena& arena, bool& found) {
    found = true;
    if (name == "alert.rule") return Value::text(record_->rule);
    if (name == "alert.priority") return Value::text(priority_name(record_->severity));
    if (name == "alert.severity") return Value::i64(record_->severity);
    if (name == "alert.source") return Value::text(record_->source);
    if (name == "alert.hostname" || name == "evt.hostname") return Value::text(record_->hostname);
    if (name == "alert.agent") return Value::text(record_->agent);
    if (name == "alert.output") return Value::text(record_->message);
    if (name == "alert.tags") {
        parse();
        if (!tags_.is_array()) return {};
        auto list = arena.array<Value>(tags_.get_array().size());
        size_t n = 0;
        for (const auto& tag : tags_.get_array())
            if (tag.is_string()) list[n++] = Value::text({tag.get_string().data(), tag.get_string().size()});
        return Value::list(list.subspan(0, n));
    }
    found = false;
    return {};
}

// The values of name[0], name[1] … as one list.
Value AlertView::list_below(std::string_view name, rules::Arena& arena) {
    parse();
    std::vector<Value> found;
    for (const boost::json::value* object : {&fields_, &context_}) {
        if (!object->is_object()) continue;
        for (const auto& pair : object->get_object()) {
            const std::string_view key(pair.key().data(), pair.key().size());
            std::string text;
            if (!key.starts_with(name) || (key.size() > name.size() && key[name.size()] != '[')) continue;
            if (scalar_text(pair.value(), text)) found.push_back(Value::text(arena.copy(text)));
        }
    }
    if (found.empty()) return {};
    auto list = arena.array<Value>(found.size());
    std::copy(found.begin(), found.end(), list.begin());
    return Value::list(list);
}

Value AlertView::extract(const rules::FieldRef& field, rules::Arena& arena) {
    bool found = false;
    if (Value v = own(field.key, arena, found); found) return v;
    if (field.type == FieldType::net) {
        std::vector<Value> addresses;
        for (const auto& [net, ip] : kNetworks) {
            if (ip.empty() || (field.key != "fd.net" && field.key != net)) continue;
            const auto* v = find(ip);
            if (!v || !v->is_string()) continue;
            if (const auto a = rules::IpAddress::parse({v->get_string().data(), v->get_string().size()}))
                addresses.push_back(Value::ip(*a));
        }
        if (addresses.empty()) return {};
        if (field.mode == MatchMode::scalar) return addresses[0];
        auto list = arena.array<Value>(std::min<size_t>(addresses.size(), 2));
        std::copy_n(addresses.begin(), list.size(), list.begin());
        return Value::list(list);
    }
    if (field.mode == MatchMode::any_of) return list_below(field.key, arena);
    const auto* v = find(field.key);
    std::string text;
    if (!v || !scalar_text(*v, text)) return {};
    if (field.type != FieldType::int64) return Value::text(arena.copy(text));
    int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size() ? Value::i64(number) : Value();
}

}  // namespace undercoat::collector
