// Fields of the container and of Kubernetes: container.*, k8s.*.
//
// Must stay true: on the host container.id and container.name are "host" and the rest has no value; what the platform does
// not tell has no value.
#include "supervisor/fields/field.h"

#include <fnmatch.h>

namespace undercoat::fields {
namespace {

using state::Container;
using state::Mount;
using T = FieldType;

const Container* container(const Access& a) {
    return a.thread ? a.state.container_of(*a.thread) : nullptr;
}

// Of a process that is in the container; null on the host.
const Container* inside(const Access& a) {
    const Container* c = container(a);
    return c && !c->host && a.thread->in_container ? c : nullptr;
}

bool on_host(const Access& a) {
    const Container* c = container(a);
    return c && (c->host || !a.thread->in_container);
}

Value known(std::string_view text) { return text.empty() ? Value() : Value::text(text); }

template <std::string Container::*member>
Value text(const Access& a) {
    const Container* c = inside(a);
    return c ? known(c->*member) : Value();
}

template <std::string Container::*member>
Value text_or_host(const Access& a) {
    return on_host(a) ? Value::text("host") : text<member>(a);
}

Value start_ts(const Access& a) {
    const Container* c = inside(a);
    if (!c) return {};
    const uint64_t ts = c->start_ts ? c->start_ts : a.thread->pidns_init_start_ts;
    return ts ? Value::u64(ts) : Value();
}

Value duration(const Access& a) {
    const Value start = start_ts(a);
    return start.exists() && start.u64() < a.ts() ? Value::u64(a.ts() - start.u64()) : Value();
}

std::string mount_text(const Mount& m) {
    return m.source + ":" + m.destination + ":" + m.mode + ":" + (m.rdwr ? "true" : "false") + ":" + m.propagation;
}

Value mounts(const Access& a) {
    const Container* c = inside(a);
    if (!c || !c->mounts) return {};
    std::string s;
    for (const Mount& m : *c->mounts) {
        if (!s.empty()) s += ' ';
        s += mount_text(m);
    }
    return a.copy(s);
}

// The mount with that number, or the first whose source (for dest: and the like) or destination (for source) matches the
// pattern in the brackets.
const Mount* find_mount(const Access& a, bool by_destination) {
    const Container* c = inside(a);
    if (!c || !c->mounts) return nullptr;
    if (a.ref.index >= 0)
        return static_cast<size_t>(a.ref.index) < c->mounts->size() ? &(*c->mounts)[static_cast<size_t>(a.ref.index)] : nullptr;
    for (const Mount& m : *c->mounts)
        if (::fnmatch(a.ref.key.c_str(), (by_destination ? m.destination : m.source).c_str(), 0) == 0) return &m;
    return nullptr;
}

template <std::string Mount::*member, bool by_destination>
Value mount_part(const Access& a) {
    const Mount* m = find_mount(a, by_destination);
    return m ? Value::text(m->*member) : Value();
}

using Labels = std::map<std::string, std::string, std::less<>>;

template <Labels Container::*of>
Value label(const Access& a) {
    const Container* c = inside(a);
    if (!c) return {};
    const auto it = (c->*of).find(a.ref.key);
    return it == (c->*of).end() ? Value() : Value::text(it->second);
}

template <Labels Container::*of>
Value labels(const Access& a) {
    const Container* c = inside(a);
    if (!c || (c->*of).empty()) return {};
    std::string s;
    for (const auto& [name, value] : c->*of) {
        if (!s.empty()) s += ", ";
        s += name + ":" + value;
    }
    return a.copy(s);
}

Value no_probe(const Access& a) { return a.thread ? Value::boolean(false) : Value(); }

constexpr Field unknown(std::string_view name, FieldType type = T::text) { return {name, type, unavailable, "not known here"}; }
constexpr Field unknown_label(std::string_view name) { return unknown(name).key(ArgumentUse::required); }
constexpr Field mount_field(std::string_view name, Extractor e, std::string_view doc) {
    return Field{name, T::text, e, doc}.key(ArgumentUse::required).index(ArgumentUse::required);
}

constexpr Field kFields[] = {
    {"container.id", T::text, text_or_host<&Container::id>, "first 12 characters of the container's id, or host"},
    {"container.full_id", T::text, text<&Container::full_id>, "the container's id"},
    {"container.name", T::text, text_or_host<&Container::name>, "the container's name, or host"},
    {"container.image", T::text, text<&Container::image>, "image with tag"},
    {"container.image.id", T::text, text<&Container::image_id>, "id of the image"},
    {"container.type", T::text, text<&Container::type>, "ecs, docker, cri-o, …"},
    {"container.privileged", T::boolean,
     [](const Access& a) {
         const Container* c = inside(a);
         return c && c->privileged ? Value::boolean(*c->privileged) : Value();
     },
     "runs privileged"},
    {"container.mounts", T::text, mounts, "all mounts as source:destination:mode:rdwr:propagation"},
    mount_field("container.mount",
                [](const Access& a) {
                    const Mount* m = find_mount(a, false);
                    return m ? a.copy(mount_text(*m)) : Value();
                },
                "one mount, by number or source"),
    mount_field("container.mount.source", mount_part<&Mount::source, true>, "source of a mount, by number or destination"),
    mount_field("container.mount.dest", mount_part<&Mount::destination, false>, "destination of a mount, by number or source"),
    mount_field("container.mount.mode", mount_part<&Mount::mode, false>, "mode of a mount, by number or source"),
    mount_field("container.mount.rdwr",
                [](const Access& a) {
                    const Mount* m = find_mount(a, false);
                    return m ? Value::text(m->rdwr ? "true" : "false") : Value();
                },
                "whether a mount is writable, by number or source"),
    mount_field("container.mount.propagation", mount_part<&Mount::propagation, false>,
                "propagation of a mount, by number or source"),
    {"container.image.repository", T::text, text<&Container::repository>, "image without tag"},
    {"container.image.tag", T::text, text<&Container::tag>, "tag of the image"},
    {"container.image.digest", T::text, text<&Container::image_digest>, "digest of the image"},
    unknown("container.healthcheck"),
    unknown("container.liveness_probe"),
    unknown("container.readiness_probe"),
    {"container.start_ts", T::abstime, start_ts, "when the container began, ns since the epoch"},
    {"container.duration", T::reltime, duration, "ns since the container began"},
    {"container.ip", T::text, text<&Container::ip>, "the container's address"},
    unknown("container.cni.json"),
    unknown("container.host_pid", T::boolean),
    unknown("container.host_network", T::boolean),
    unknown("container.host_ipc", T::boolean),
    Field{"container.label", T::text, label<&Container::labels>, "value of one label"}.key(ArgumentUse::required),
    {"container.labels", T::text, labels<&Container::labels>, "all labels"},
    {"proc.is_container_healthcheck", T::boolean, no_probe, "false: probes are not told apart"},
    {"proc.is_container_liveness_probe", T::boolean, no_probe, "false: probes are not told apart"},
    {"proc.is_container_readiness_probe", T::boolean, no_probe, "false: probes are not told apart"},
    {"k8s.pod.name", T::text, text<&Container::pod_name>, "name of the pod"},
    {"k8s.ns.name", T::text, text<&Container::pod_namespace>, "name space of the pod"},
    {"k8s.pod.id", T::text, text<&Container::pod_uid>, "uid of the pod"},
    {"k8s.pod.uid", T::text, text<&Container::pod_uid>, "uid of the pod"},
    unknown("k8s.pod.sandbox_id"),
    unknown("k8s.pod.full_sandbox_id"),
    Field{"k8s.pod.label", T::text, label<&Container::pod_labels>, "value of one label of the pod"}.key(ArgumentUse::required),
    {"k8s.pod.labels", T::text, labels<&Container::pod_labels>, "all labels of the pod"},
    {"k8s.pod.ip", T::text, text<&Container::pod_ip>, "address of the pod"},
    unknown("k8s.pod.cni.json"),
    unknown("k8s.rc.name"),
    unknown("k8s.rc.id"),
    unknown_label("k8s.rc.label"),
    unknown("k8s.rc.labels"),
    unknown("k8s.svc.name"),
    unknown("k8s.svc.id"),
    unknown_label("k8s.svc.label"),
    unknown("k8s.svc.labels"),
    unknown("k8s.ns.id"),
    unknown_label("k8s.ns.label"),
    unknown("k8s.ns.labels"),
    unknown("k8s.rs.name"),
    unknown("k8s.rs.id"),
    unknown_label("k8s.rs.label"),
    unknown("k8s.rs.labels"),
    unknown("k8s.deployment.name"),
    unknown("k8s.deployment.id"),
    unknown_label("k8s.deployment.label"),
    unknown("k8s.deployment.labels"),
    {"container.info", T::text,
     [](const Access& a) {
         const Container* c = container(a);
         return c ? a.copy("container_id=" + std::string(on_host(a) ? "host" : c->id)) : Value();
     },
     "use container.id and the like"},
};

}  // namespace

std::span<const Field> container_fields() { return kFields; }

}  // namespace undercoat::fields
