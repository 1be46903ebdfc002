// Fields of the paths that a call names: fs.path.*.
//
// Must stay true: they exist only where the call succeeded; for links the source is the new name and the target the old
// one, as Falco has it; creat has none.
#include "supervisor/fields/field.h"

namespace undercoat::fields {
namespace {

using wire::Call;
using T = FieldType;

enum class Which { name, source, target };

// The parameter that holds the path; null where the call has none of that kind. "fd" means the descriptor's name.
const char* param_name(const event::Event& e, Which which) {
    struct Row {
        Call call;
        const char *name, *source, *target;
    };
    static constexpr Row kRows[] = {
        {Call::mkdir, "path", nullptr, nullptr},        {Call::mkdirat, "path", nullptr, nullptr},
        {Call::rmdir, "path", nullptr, nullptr},        {Call::unlink, "path", nullptr, nullptr},
        {Call::unlinkat, "name", nullptr, nullptr},     {Call::open, "name", nullptr, nullptr},
        {Call::openat, "name", nullptr, nullptr},       {Call::openat2, "name", nullptr, nullptr},
        {Call::chmod, "filename", nullptr, nullptr},    {Call::fchmod, "fd", nullptr, nullptr},
        {Call::fchmodat, "filename", nullptr, nullptr}, {Call::chown, "path", nullptr, nullptr},
        {Call::lchown, "path", nullptr, nullptr},       {Call::fchown, "fd", nullptr, nullptr},
        {Call::fchownat, "pathname", nullptr, nullptr}, {Call::quotactl, "special", nullptr, nullptr},
        {Call::umount, "name", nullptr, nullptr},       {Call::umount2, "name", nullptr, nullptr},
        {Call::rename, nullptr, "oldpath", "newpath"},  {Call::renameat, nullptr, "oldpath", "newpath"},
        {Call::renameat2, nullptr, "oldpath", "newpath"}, {Call::link, nullptr, "newpath", "oldpath"},
        {Call::linkat, nullptr, "newpath", "oldpath"},  {Call::symlink, nullptr, "linkpath", "target"},
        {Call::symlinkat, nullptr, "linkpath", "target"}, {Call::mount, nullptr, "dev", "dir"},
    };
    for (const Row& r : kRows)
        if (e.is(r.call)) return which == Which::name ? r.name : which == Which::source ? r.source : r.target;
    return nullptr;
}

bool succeeded(const event::Event& e) {
    for (const char* result : {"res", "fd"}) {
        const int i = event::find_param(e.info(), result);
        if (i < 0) continue;
        const auto& v = e.param(static_cast<unsigned>(i));
        return v.kind == event::ParamValue::Kind::number && v.number >= 0;
    }
    return false;
}

template <Which which, bool raw>
Value path(const Access& a) {
    const char* param = param_name(a.event, which);
    if (!param || !succeeded(a.event)) return {};
    if (std::string_view(param) == "fd") {
        if (!a.context.fd) return {};
        return Value::text(raw ? a.context.fd->name_raw : a.context.fd->name);
    }
    const int i = event::find_param(a.event.info(), param);
    if (i < 0) return {};
    const auto& v = a.event.param(static_cast<unsigned>(i));
    if (v.kind != event::ParamValue::Kind::text) return {};
    if (raw) return Value::text(v.text);
    thread_local std::string full;  // keeps its memory
    return a.context.collapsed_path(static_cast<unsigned>(i), full) ? a.copy(full) : Value();
}

constexpr Field kFields[] = {
    {"fs.path.name", T::path, path<Which::name, false>, "absolute path of the file"},
    {"fs.path.nameraw", T::path, path<Which::name, true>, "path of the file as given"},
    {"fs.path.source", T::path, path<Which::source, false>, "absolute path of the source"},
    {"fs.path.sourceraw", T::path, path<Which::source, true>, "path of the source as given"},
    {"fs.path.target", T::path, path<Which::target, false>, "absolute path of the target"},
    {"fs.path.targetraw", T::path, path<Which::target, true>, "path of the target as given"},
};

}  // namespace

std::span<const Field> fspath_fields() { return kFields; }

}  // namespace undercoat::fields
