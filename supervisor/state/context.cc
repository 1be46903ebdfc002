// Resolved paths of an event's parameters.
#include "supervisor/state/impl.h"
#include "supervisor/state/paths.h"

namespace undercoat::state {

using event::Param;
using event::ParamType;
using event::ParamValue;

std::string_view Context::path_base(unsigned param) const {
    if (thread == nullptr) return {};
    const int dirfd = event::dirfd_param(event->info().params[param]);
    if (dirfd < 0) return thread->main().cwd;
    const ParamValue& number = event->param(static_cast<unsigned>(dirfd));
    if (number.kind != ParamValue::Kind::number) return {};
    if (number.number == kAtFdcwd) return thread->main().cwd;
    const FdInfo* dir = thread->fd(number.number);
    return dir != nullptr ? std::string_view(dir->name) : std::string_view();
}

namespace {

// The text of a path parameter, or nullopt.
std::optional<std::string_view> path_text(const event::Event& e, unsigned param) {
    const ParamValue& v = e.param(param);
    if (v.kind == ParamValue::Kind::empty) return std::string_view();
    if (v.kind != ParamValue::Kind::text) return std::nullopt;
    return v.text;
}

bool is_path(const Param& p) { return p.type == ParamType::FSPATH || p.type == ParamType::FSRELPATH; }

}  // namespace

bool Context::path(unsigned param, std::string& out) const {
    const auto text = path_text(*event, param);
    if (!text) return false;
    if (is_path(event->info().params[param])) argument_path(path_base(param), *text, out);
    else out = *text;
    return true;
}

std::optional<std::string> Context::path(unsigned param) const {
    std::string out;
    if (!path(param, out)) return std::nullopt;
    return out;
}

bool Context::collapsed_path(unsigned param, std::string& out) const {
    const auto text = path_text(*event, param);
    if (!text) return false;
    file_name(path_base(param), *text, out);
    return true;
}

std::optional<std::string> Context::collapsed_path(unsigned param) const {
    std::string out;
    if (!collapsed_path(param, out)) return std::nullopt;
    return out;
}

}  // namespace undercoat::state
