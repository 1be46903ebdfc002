// Which name a descriptor shows, where the trap read what /proc calls its file.
#include "supervisor/state/impl.h"
#include "supervisor/state/paths.h"
#include "supervisor/state/same_file.h"

#include "supervisor/event/flags.h"

#include <algorithm>
#include <cstdio>

namespace undercoat::state {

using event::Event;
using event::ParamValue;
using wire::ArgKind;
using wire::Call;

namespace {

constexpr size_t kMostUnplaced = 8;

bool starts(std::string_view s, std::string_view p) { return s.substr(0, p.size()) == p; }

}  // namespace

// What the trap read names the same file as the table: then the table's name, as the program gave it, is kept.
bool State::Impl::same_file(const Thread& t, FdInfo& known, const FdInfo& read, const wire::FileInfo* file, int& looks) const {
    if (known.name == read.name && known.type != FdType::unknown) return true;
    if (file != nullptr && file->mode != 0 && known.ino != 0) return known.ino == file->ino && known.dev == file->dev;
    if (!(known.is_file() || known.is_directory()) || !read.is_file()) return false;
    // The number may be that of a directory opened since.
    for (const Thread::GivenName& later : t.main().unplaced_)
        if (later.at > known.named_at && became(later.name, later.at, read.name)) return false;
    if (known.proven == read.name && !read.name.empty()) return true;
    if (!became(known.name, known.named_at, read.name) && !leads_to(known.name, known.named_at, read.name, looks)) return false;
    known.proven = read.name;
    return true;
}

bool State::Impl::became(const std::string& given, uint64_t since, const std::string& read) const {
    if (given == kPathTooLong || read == kPathTooLong) return false;  // these stand for many
    if (given == read || aliases.empty()) return given == read;
    const std::vector<std::string> names = aliases.names_of(given, since);
    return std::find(names.begin(), names.end(), read) != names.end();
}

bool State::Impl::leads_to(const std::string& given, uint64_t since, const std::string& read, int& looks) const {
    if (!options.read_proc || looks <= 0 || given == kPathTooLong || read == kPathTooLong || aliases.doubtful(given, since)) return false;
    for (const std::string& name : aliases.names_of(given, since))
        if (same_place_now(name, read, looks)) return true;
    return false;
}

void State::Impl::remember_alias(const Event& e, const Thread& t) {
    const bool link = e.is(Call::symlink) || e.is(Call::symlinkat);
    const ParamValue &from = e.param(link ? "linkpath" : "oldpath"), &to = e.param(link ? "target" : "newpath");
    if (!succeeded(e) || from.kind != ParamValue::Kind::text || to.kind != ParamValue::Kind::text || to.text.empty()) return;
    const bool sure = e.has_result && e.result == 0 && !e.result_unknown;
    const auto way = link ? Aliases::Way::link : Aliases::Way::rename;
    const auto base = [&](const char* param) { return directory(t, number_or(e, param, kAtFdcwd)); };
    std::string old_name = file_name(base(link ? "linkdirfd" : "olddirfd"), from.text);
    const size_t slash = old_name.rfind('/');
    if (slash == std::string::npos) return;
    std::string new_name = file_name(link ? old_name.substr(0, slash + 1) : base("newdirfd"), to.text);
    aliases.forget_links(old_name);
    if (!link) aliases.forget_links(new_name);
    if (!link && static_cast<uint64_t>(number_or(e, "flags", 0)) & RENAME_EXCHANGE) aliases.add(way, new_name, old_name, turn, sure);
    aliases.add(way, std::move(old_name), std::move(new_name), turn, sure);
}

void State::Impl::forget_alias(const Event& e, const Thread& t) {
    const ParamValue& path = e.param(e.is(Call::unlinkat) ? "name" : "path");
    if (!succeeded(e) || path.kind != ParamValue::Kind::text) return;
    aliases.forget_links(file_name(directory(t, number_or(e, "dirfd", kAtFdcwd)), path.text));
}

// Takes the table's word, then the file system's, on whether the kernel said " (deleted)" or the program.
FdInfo State::Impl::read_name(std::string_view text, const FdInfo* known, int& looks) const {
    FdInfo read = fd_from_proc_text(text);
    if (!says_deleted(text) || (known != nullptr && known->name == read.name)) return read;
    FdInfo whole = fd_from_proc_text(text, false);
    if (known != nullptr && known->name == whole.name) return whole;
    return options.read_proc && looks-- > 0 && exists_now(whole.name) ? whole : read;
}

void State::Impl::take_identities(const Event& e, Thread& t) {
    if (e.type >= wire::kCallCount) return;
    const wire::CallInfo& call = wire::kCalls[e.type];
    int looks = kMostLooks;
    for (unsigned a = 0; a < call.nargs && a < e.captured.nregs; ++a) {
        if (call.args[a] != ArgKind::fd && call.args[a] != ArgKind::dirfd) continue;
        const auto number = static_cast<int32_t>(e.captured.regs[a]);
        const std::string_view text = e.captured.fd[a];
        const wire::SocketInfo* socket = e.captured.socket[a];
        if (number < 0 || (text.empty() && socket == nullptr)) continue;
        FdInfo* known = table.fd(t, number);
        if (socket != nullptr && socket->family != 0) {
            table.set_fd(t, number, socket_from(*socket, known));
            continue;
        }
        if (text.empty() || (starts(text, "socket:") && known != nullptr && known->is_socket())) continue;
        FdInfo read = read_name(text, known, looks);
        if (known != nullptr && same_file(t, *known, read, e.captured.file[a], looks)) continue;
        read.named_at = turn;
        if (read.is_file()) take_given_name(t, read, looks);
        if (const wire::FileInfo* f = e.captured.file[a]; f != nullptr && f->mode != 0) read.dev = f->dev, read.ino = f->ino;
        table.set_fd(t, number, read);
    }
}

// A descriptor whose opening told no number: the program may have named the file in another way, by a symbolic link.
void State::Impl::take_given_name(const Thread& t, FdInfo& read, int& looks) const {
    const auto& names = t.main().unplaced_;
    const auto is = [&](const Thread::GivenName& given) { return given.name == read.name; };
    if (std::any_of(names.begin(), names.end(), is)) return;
    const auto led = [&](const Thread::GivenName& given) { return became(given.name, given.at, read.name); };
    auto given = std::find_if(names.rbegin(), names.rend(), led);
    if (given == names.rend())
        given = std::find_if(names.rbegin(), names.rend(), [&](const auto& g) { return leads_to(g.name, g.at, read.name, looks); });
    if (given == names.rend()) return;
    read.proven = std::move(read.name);
    read.name = given->name, read.named_at = given->at;
}

void State::Impl::remember_unplaced(Thread& t, const FdInfo& opened) {
    auto& names = t.main().unplaced_;
    if (names.size() >= kMostUnplaced) names.erase(names.begin());
    names.push_back({opened.name, opened.named_at});
}

}  // namespace undercoat::state
