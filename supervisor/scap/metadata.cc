// Container events in their three forms, and those of users.
#include "supervisor/scap/metadata.h"

#include <boost/json.hpp>

namespace undercoat::scap {
namespace {

namespace json = boost::json;
using state::Container;

constexpr uint16_t kContainerOfOld = 228;  // with the id, a type, a name and an image, not JSON
constexpr size_t kMostUsers = 100'000;

// The format's numbers of container engines.
const char* type_name(int64_t type) {
    static constexpr const char* kTypes[] = {"docker", "lxc", "libvirt-lxc", "mesos", "rkt", "custom",
                                             "cri", "containerd", "cri-o", "bpm", "static", "podman"};
    return type >= 0 && type < static_cast<int64_t>(std::size(kTypes)) ? kTypes[type] : "";
}

std::string text_of(const json::object& o, const char* key) {
    const json::value* v = o.if_contains(key);
    return v != nullptr && v->is_string() ? std::string(v->get_string()) : std::string();
}

bool truth_of(const json::object& o, const char* key) {
    const json::value* v = o.if_contains(key);
    return v != nullptr && v->is_bool() && v->get_bool();
}

std::vector<state::Mount> mounts_of(const json::array& list) {
    std::vector<state::Mount> out;
    for (const json::value& item : list) {
        if (!item.is_object()) continue;
        const json::object& o = item.get_object();
        out.push_back({text_of(o, "Source"), text_of(o, "Destination"), text_of(o, "Mode"), text_of(o, "Propagation"),
                       truth_of(o, "RW")});
    }
    return out;
}

void take_labels(const json::object& from, Container& c) {
    for (const auto& [name, value] : from)
        if (value.is_string()) c.labels.emplace(std::string(name), std::string(value.get_string()));
    const auto label = [&](const char* name) {
        const auto it = c.labels.find(name);
        return it == c.labels.end() ? std::string() : it->second;
    };
    c.pod_name = label("io.kubernetes.pod.name");
    c.pod_namespace = label("io.kubernetes.pod.namespace");
    c.pod_uid = label("io.kubernetes.pod.uid");
}

Container container_of(const json::object& o) {
    Container c;
    c.id = text_of(o, "id");
    c.full_id = text_of(o, "full_id");
    c.name = text_of(o, "name");
    c.image = text_of(o, "image");
    c.image_id = text_of(o, "imageid");
    c.image_digest = text_of(o, "imagedigest");
    c.repository = text_of(o, "imagerepo");
    c.tag = text_of(o, "imagetag");
    c.ip = text_of(o, "ip");
    if (const json::value* v = o.if_contains("type"); v != nullptr && v->is_int64()) c.type = type_name(v->get_int64());
    if (const json::value* v = o.if_contains("privileged"); v != nullptr && v->is_bool()) c.privileged = v->get_bool();
    if (const json::value* v = o.if_contains("Mounts"); v != nullptr && v->is_array()) c.mounts = mounts_of(v->get_array());
    if (const json::value* v = o.if_contains("labels"); v != nullptr && v->is_object()) take_labels(v->get_object(), c);
    return c;
}

// What the container's own event tells is asked of a thread, too.
void speak_as(const Container& c, state::State& state) {
    state.containers().learn(c);
    state::Thread t;
    t.tid = t.pid = kContainerThread;
    t.comm = "container:" + c.id;
    t.image = std::make_shared<state::Image>();
    t.uid = t.gid = t.loginuid = 0;
    t.container = state.containers().find(c.id);
    state.add(t);
}

bool learn_container(const EventReader& reader, const event::Event& e, state::State& state) {
    if (reader.raw().code == kContainerOfOld) {
        Container c;
        c.id = reader.text("id");
        c.name = reader.text("name");
        c.image = c.repository = reader.text("image");
        if (const size_t colon = c.image.rfind(':'); colon != c.image.npos && c.image.find('/', colon) == c.image.npos)
            c.repository = c.image.substr(0, colon), c.tag = c.image.substr(colon + 1);
        speak_as(c, state);
        return !c.id.empty();
    }
    const event::ParamValue& text = e.param(e.is(wire::Call::asyncevent) ? "data" : "json");
    const auto c = container_from_json(text.text);
    if (c) speak_as(*c, state);
    return c.has_value();
}

std::string text_param(const event::Event& e, const char* name) { return std::string(e.param(name).text); }
uint32_t id_param(const event::Event& e, const char* name) { return static_cast<uint32_t>(e.param(name).number); }

// Users of containers have their own passwd; ours is one table, that of the host.
bool of_host(const event::Event& e) { return e.param("container_id").text.empty(); }

}  // namespace

std::optional<Container> container_from_json(std::string_view text) {
    boost::system::error_code error;
    const json::value v = json::parse(json::string_view(text.data(), text.size()), error);
    if (error || !v.is_object()) return std::nullopt;
    const json::value* inner = v.get_object().if_contains("container");
    if (inner == nullptr || !inner->is_object()) return std::nullopt;
    Container c = container_of(inner->get_object());
    if (c.id.empty()) return std::nullopt;
    return c;
}

bool learn(const EventReader& reader, const event::Event& e, state::State& state) {
    const bool async = e.is(wire::Call::asyncevent) && e.param("name").text == "container";
    if (e.is(wire::Call::container) || async) return learn_container(reader, e, state);
    if (state.users().size() >= kMostUsers || !of_host(e)) return true;
    if (e.is(wire::Call::useradded))
        state.users().add(state::User{id_param(e, "uid"), id_param(e, "gid"), text_param(e, "name"), text_param(e, "home"),
                                      text_param(e, "shell")});
    if (e.is(wire::Call::groupadded)) state.users().add(state::Group{id_param(e, "gid"), text_param(e, "name")});
    return true;
}

}  // namespace undercoat::scap
