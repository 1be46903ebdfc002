// Fields of the user and group: user.*, group.*. Names come from the container's own passwd and group.
//
// Must stay true: a name that cannot be found is the text "<NA>", which exists; it is never NA itself.
#include "supervisor/fields/field.h"
#include "supervisor/fields/render.h"

namespace undercoat::fields {
namespace {

using T = FieldType;

Value user_text(const Access& a, uint32_t uid, std::string state::User::*member) {
    const state::User* user = a.state.user(uid);
    if (!user) return Value::text(kNotAvailable);
    return a.copy(user->*member);
}

Value user_name(const Access& a) {
    if (!a.thread) return {};
    if (a.thread->uid == 0 && !a.state.user(0)) return Value::text("root");
    return user_text(a, a.thread->uid, &state::User::name);
}

Value login_uid(const Access& a) {
    if (!a.thread) return {};
    const uint32_t uid = a.thread->loginuid;
    return Value::i64(uid == state::kUnknownId ? -1 : int64_t{uid});
}

Value login_name(const Access& a) {
    if (!a.thread) return {};
    if (a.thread->loginuid == state::kUnknownId) return Value::text(kNotAvailable);
    if (a.thread->loginuid == 0 && !a.state.user(0)) return Value::text("root");
    return user_text(a, a.thread->loginuid, &state::User::name);
}

Value group_name(const Access& a) {
    if (!a.thread) return {};
    const state::Group* group = a.state.group(a.thread->gid);
    if (!group) return Value::text(a.thread->gid == 0 ? std::string_view("root") : kNotAvailable);
    return a.copy(group->name);
}

constexpr Field kFields[] = {
    {"user.uid", T::uint32, [](const Access& a) { return a.thread ? Value::u64(a.thread->uid) : Value(); }, "user id"},
    {"user.name", T::text, user_name, "user name, or <NA>"},
    {"user.homedir", T::text,
     [](const Access& a) { return a.thread ? user_text(a, a.thread->uid, &state::User::home) : Value(); },
     "home directory, or <NA>"},
    {"user.shell", T::text,
     [](const Access& a) { return a.thread ? user_text(a, a.thread->uid, &state::User::shell) : Value(); },
     "login shell, or <NA>"},
    {"user.loginuid", T::int64, login_uid, "user id of the login, -1: none"},
    {"user.loginname", T::text, login_name, "name of that user, or <NA>"},
    {"group.gid", T::uint32, [](const Access& a) { return a.thread ? Value::u64(a.thread->gid) : Value(); }, "group id"},
    {"group.name", T::text, group_name, "group name, or <NA>"},
};

}  // namespace

std::span<const Field> user_fields() { return kFields; }

}  // namespace undercoat::fields
