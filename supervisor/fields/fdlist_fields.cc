// Fields of calls that wait for several descriptors: fdlist.*, comma-separated, in the order of the call.
#include "supervisor/fields/field.h"

namespace undercoat::fields {
namespace {

using T = FieldType;
using Of = std::string (*)(int64_t number, const FdInfo* info);

template <Of of>
Value joined(const Access& a) {
    for (unsigned i = 0; i < a.event.nparams(); ++i) {
        const auto& v = a.event.param(i);
        if (v.kind != event::ParamValue::Kind::fds) continue;
        std::string s;
        const size_t n = v.text.size() / sizeof(event::PolledFd);
        for (size_t k = 0; k < n; ++k) {
            if (k) s += ',';
            s += of(v.fds[k].fd, a.thread ? a.thread->fd(v.fds[k].fd) : nullptr);
        }
        return a.copy(s);
    }
    return {};
}

std::string number(int64_t n, const FdInfo*) { return std::to_string(n); }
std::string name(int64_t, const FdInfo* fd) { return fd && !fd->name.empty() ? fd->name : "<NA>"; }
std::string client(int64_t, const FdInfo* fd) { return fd && fd->is_ip() ? event::ip_text(fd->tuple.source) : "<NA>"; }
std::string server(int64_t, const FdInfo* fd) { return fd && fd->is_ip() ? event::ip_text(fd->tuple.destination) : "<NA>"; }
std::string client_port(int64_t, const FdInfo* fd) {
    return fd && fd->is_ip() ? std::to_string(fd->tuple.source.port) : "<NA>";
}
std::string server_port(int64_t, const FdInfo* fd) {
    return fd && fd->is_ip() ? std::to_string(fd->tuple.destination.port) : "<NA>";
}

constexpr Field kFields[] = {
    {"fdlist.nums", T::text, joined<number>, "numbers of the descriptors"},
    {"fdlist.names", T::text, joined<name>, "names of the descriptors"},
    {"fdlist.cips", T::text, joined<client>, "client addresses"},
    {"fdlist.sips", T::text, joined<server>, "server addresses"},
    {"fdlist.cports", T::text, joined<client_port>, "client ports"},
    {"fdlist.sports", T::text, joined<server_port>, "server ports"},
};

}  // namespace

std::span<const Field> fdlist_fields() { return kFields; }

}  // namespace undercoat::fields
