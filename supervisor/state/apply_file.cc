// Events about files and descriptors.
#include "supervisor/state/impl.h"
#include "supervisor/state/paths.h"

#include "supervisor/event/flags.h"

namespace undercoat::state {

using event::Event;
using event::ParamValue;
using wire::Call;

std::string State::Impl::directory(const Thread& t, int64_t dirfd) const {
    if (dirfd == kAtFdcwd) return t.main().cwd;
    const FdInfo* dir = t.fd(dirfd);
    return dir != nullptr ? dir->name : std::string();
}

void State::Impl::use_fd(const Event& e, Thread& t) {
    const event::EventFd fd = event::event_fd(e);
    if (!fd.exists) return;
    context->has_fd = true;
    context->fd_number = fd.number;
    if (fd.number >= 0) context->fd = table.fd(t, fd.number);
    if (fd.number < 0 && e.info().flags & event::kFdCreates) context->fd_number = -1;
}

void State::Impl::apply_open(Event& e, Thread& t) {
    FdInfo fd;
    const bool by_handle = e.is(Call::open_by_handle_at);
    const ParamValue& name = e.param(by_handle ? "path" : "name");
    const std::string_view path = name.kind == ParamValue::Kind::text ? name.text : std::string_view();
    const bool relative_to_dirfd = e.is(Call::openat) || e.is(Call::openat2);
    const int64_t dirfd = relative_to_dirfd ? number_or(e, "dirfd", kAtFdcwd) : kAtFdcwd;
    // A result that stands alone tells no path.
    if (name.present() && (!by_handle || !path.empty())) fd.name = file_name(directory(t, dirfd), path);
    if (by_handle && path == "<NA>") fd.name = path;  // no path was to be had, of whatever directory
    fd.name_raw = squeeze(path);
    fd.named_at = turn;
    fd.open_flags = static_cast<uint32_t>(number_or(e, "flags", 0));
    fd.type = fd.open_flags & event::kPpmODirectory ? FdType::directory : FdType::file;
    fd.dev = static_cast<uint64_t>(number_or(e, "dev", 0));
    fd.ino = static_cast<uint64_t>(number_or(e, "ino", 0));
    const int64_t creat_flags = number_or(e, "creat_flags", 0);
    fd.upper_layer = fd.open_flags & event::kPpmFdUpperLayer || creat_flags & event::kPpmFdUpperLayerCreat;
    fd.lower_layer = fd.open_flags & event::kPpmFdLowerLayer || creat_flags & event::kPpmFdLowerLayerCreat;
    if (e.is(Call::creat)) fd.open_flags = event::kPpmOCreat | event::kPpmOTrunc | event::kPpmOWronly;

    const int64_t number = number_or(e, "fd", e.result);
    context->has_fd = true;
    context->fd_number = number < 0 ? -1 : number;
    context->fd_name_changed = number >= 0 && !fd.name.empty();  // it had none
    if (number >= 0 && knows_number(e, number)) {
        context->fd = table.set_fd(t, number, fd);
        if (context->fd != nullptr) return;
    }
    if (number >= 0 && fd.is_directory()) remember_unplaced(t, fd);
    // A failed open: what is known comes of the arguments. Falco gives a plain open no type then.
    if (number < 0 && e.is(Call::open)) fd.type = FdType::unknown;
    else if (number < 0) fd.type = FdType::file;
    scratch = fd;
    context->fd = &scratch;
    context->fd_from_arguments = true;
}

void State::Impl::apply_dup(Event& e, Thread& t) {
    const int64_t result = number_or(e, "res", e.result);
    const bool fcntl = e.is(Call::fcntl);
    const int64_t command = number_or(e, "cmd", 0);
    if (fcntl && command != event::kPpmFDupfd && command != event::kPpmFDupfdCloexec) return use_fd(e, t);
    const int64_t from = number_or(e, fcntl ? "fd" : "oldfd", -1);
    int64_t to = result;
    // Without a result dup2's and dup3's target is in the arguments.
    if (e.result_unknown && !fcntl && !e.is(Call::dup)) to = number_or(e, "newfd", -1);
    context->has_fd = true;
    context->fd_number = to < 0 ? -1 : to;
    if (to < 0) return;
    const FdInfo* source = table.fd(t, from);
    if (source == nullptr) return table.remove_fd(t, to);
    FdInfo copy = *source;
    if (fcntl) {
        context->fd_number = from;
        context->fd = source;
    }
    copy.open_flags &= ~uint32_t{event::kPpmOCloexec};
    if (command == event::kPpmFDupfdCloexec || number_or(e, "flags", 0) & event::kPpmOCloexec)
        copy.open_flags |= event::kPpmOCloexec;
    if (!knows_number(e, to)) {
        scratch = copy;
        context->fd = &scratch;
        return;
    }
    const FdInfo* placed = table.set_fd(t, to, copy);
    if (fcntl) context->fd = table.fd(t, from);
    else context->fd = placed;
}

namespace {

struct Created {
    Call call;
    FdType type;
};

constexpr Created kCreated[] = {
    {Call::pipe, FdType::pipe}, {Call::pipe2, FdType::pipe}, {Call::eventfd, FdType::eventfd},
    {Call::eventfd2, FdType::eventfd}, {Call::signalfd, FdType::signalfd}, {Call::signalfd4, FdType::signalfd},
    {Call::epoll_create, FdType::eventpoll}, {Call::epoll_create1, FdType::eventpoll},
    {Call::inotify_init, FdType::inotify}, {Call::inotify_init1, FdType::inotify},
    {Call::timerfd_create, FdType::timerfd}, {Call::bpf, FdType::bpf}, {Call::userfaultfd, FdType::userfaultfd},
    {Call::io_uring_setup, FdType::io_uring}, {Call::memfd_create, FdType::memfd}, {Call::pidfd_open, FdType::pidfd},
    {Call::socketpair, FdType::unix_socket},
};

}  // namespace

// pidfd_getfd: what the other process has under that number.
void State::Impl::take_others_fd(const Event& e, const Thread& t, FdInfo& to) {
    const FdInfo* process = t.fd(number_or(e, "pid_fd", -1));
    const Thread* other = process != nullptr && process->type == FdType::pidfd ? table.find(process->pid) : nullptr;
    const FdInfo* theirs = other != nullptr ? other->fd(number_or(e, "target_fd", -1)) : nullptr;
    if (theirs != nullptr) to = *theirs;
}

void State::Impl::apply_creation(Event& e, Thread& t) {
    FdInfo fd;
    for (const Created& c : kCreated)
        if (e.is(c.call)) fd.type = c.type;
    if (e.is(Call::pidfd_open)) fd.pid = number_or(e, "pid", 0);
    if (e.is(Call::pidfd_getfd)) take_others_fd(e, t, fd);
    if (e.is(Call::memfd_create)) fd.name = fd.name_raw = std::string(e.param("name").text);
    if (!e.is(Call::pidfd_getfd)) fd.ino = static_cast<uint64_t>(number_or(e, "ino", 0));
    fd.open_flags = static_cast<uint32_t>(number_or(e, "flags", 0)) & event::kPpmOCloexec;
    const int64_t result = number_or(e, e.info().params[0].name, e.result);
    if (result >= 0 && knows_number(e, result)) {
        if (event::find_param(e.info(), "fd1") >= 0) {
            table.set_fd(t, number_or(e, "fd1", -1), fd);
            table.set_fd(t, number_or(e, "fd2", -1), fd);
        } else if (fd.type != FdType::unknown) {
            table.set_fd(t, result, fd);
        } else {
            table.remove_fd(t, result);  // pidfd_getfd of a process of which nothing is known
        }
    }
    use_fd(e, t);
}

void State::Impl::apply_close(const Event& e, Thread& t) {
    if (!succeeded(e)) return;
    if (e.is(Call::close)) {
        closed_fds.emplace_back(t.pid, number_or(e, "fd", -1));
        return;
    }
    const int64_t first = number_or(e, "first", 0), last = number_or(e, "last", 0);
    constexpr int64_t kCloexecOnly = 2;
    if (number_or(e, "flags", 0) & kCloexecOnly) return;
    for (const auto& [number, info] : t.fds())
        if (number >= first && number <= last) closed_fds.emplace_back(t.pid, number);
}

}  // namespace undercoat::state
