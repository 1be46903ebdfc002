// Collects a record's TLVs into an Event and names what happened.
#include "supervisor/event/decode.h"

#include "supervisor/event/coverage.h"
#include "supervisor/event/exe_name.h"

#include <algorithm>
#include <cstring>
#include <netinet/in.h>

namespace undercoat::event {
namespace {

using wire::RecordHeader;
using wire::RecordKind;
using wire::RecordView;
using wire::Tag;
using wire::Tlv;

std::string_view text_of(const Tlv& t) { return {reinterpret_cast<const char*>(t.data), t.size}; }

// Texts end at the first NUL: a shim may have copied more than the string.
std::string_view until_nul(std::string_view s) { return s.substr(0, s.find('\0')); }

template <class T>
const T* object(Event& e, const Tlv& t) {
    if (t.size < sizeof(T)) return nullptr;
    T v;
    std::memcpy(&v, t.data, sizeof v);
    return e.memory().copy(v);
}

void put_addresses(Event& e, const Tlv& t) {
    constexpr size_t kMost = 64;
    Address* out = static_cast<Address*>(e.memory().allocate(kMost * sizeof(Address)));
    size_t count = 0, at = 0;
    while (count < kMost && t.size - at >= sizeof(sockaddr_in)) {
        uint16_t family;
        std::memcpy(&family, t.data + at, sizeof family);
        const size_t n = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
        if ((family != AF_INET && family != AF_INET6) || t.size - at < n) break;
        out[count++] = parse_sockaddr(t.data + at, n);
        at += n;
    }
    e.captured.addresses = {out, count};
}

void put_children(Event& e, const Tlv& t) {
    const size_t n = t.size / sizeof(uint32_t);
    uint32_t* out = static_cast<uint32_t*>(e.memory().allocate(n * sizeof(uint32_t) + 1));
    std::memcpy(out, t.data, n * sizeof(uint32_t));
    e.captured.children = {out, n};
}

void put_indexed(Event& e, const Tlv& t) {
    Captured& c = e.captured;
    switch (t.tag) {
        case Tag::path: c.path[t.index] = e.memory().copy(until_nul(text_of(t))); break;
        case Tag::string: c.string[t.index] = e.memory().copy(until_nul(text_of(t))); break;
        case Tag::fd: c.fd[t.index] = e.memory().copy(until_nul(text_of(t))); break;
        case Tag::socket: c.socket[t.index] = object<wire::SocketInfo>(e, t); break;
        case Tag::file: c.file[t.index] = object<wire::FileInfo>(e, t); break;
        case Tag::sockaddr: {
            const std::string_view own = e.memory().copy(text_of(t));
            c.sockaddr = parse_sockaddr(own.data(), own.size());
            break;
        }
        case Tag::buf64:
            if (t.size >= 8) std::memcpy(&c.word[t.index], t.data, 8), c.has_word[t.index] = true;
            break;
        default: break;
    }
}

void put(Event& e, const Tlv& t) {
    Captured& c = e.captured;
    Memory& m = e.memory();
    switch (t.tag) {
        case Tag::args:
            c.nregs = static_cast<uint8_t>(std::min<size_t>(t.size / 8, Captured::kArgs));
            std::memcpy(c.regs, t.data, c.nregs * size_t{8});
            break;
        case Tag::argv: c.argv = m.copy(text_of(t)); break;
        case Tag::envp: c.envp = m.copy(text_of(t)); break;
        case Tag::open_how:
            c.has_open_how = true;
            std::memcpy(c.open_how, t.data, std::min<size_t>(t.size, sizeof c.open_how));
            break;
        case Tag::buffer: c.buffer = m.copy(text_of(t).substr(0, wire::kMaxBuffer)); break;
        case Tag::cwd: c.cwd = m.copy(until_nul(text_of(t))); break;
        case Tag::exe: c.exe = m.copy(exe_name(until_nul(text_of(t)))); break;
        case Tag::comm: c.comm = m.copy(until_nul(text_of(t)).substr(0, 64)); break;
        case Tag::proc: c.proc = object<wire::ProcInfo>(e, t); break;
        case Tag::children: put_children(e, t); break;
        case Tag::addresses: put_addresses(e, t); break;
        case Tag::text: c.text = m.copy(text_of(t)); break;
        case Tag::stack: c.stack = m.copy(text_of(t)); break;
        case Tag::code: c.code = m.copy(text_of(t)); break;
        case Tag::local: {
            const std::string_view own = m.copy(text_of(t));
            c.local = parse_sockaddr(own.data(), own.size());
            break;
        }
        case Tag::peer: {
            const std::string_view own = m.copy(text_of(t));
            c.peer = parse_sockaddr(own.data(), own.size());
            break;
        }
        case Tag::cgroup: c.cgroup = m.copy(text_of(t)); break;
        case Tag::order:
        case Tag::seq: break;
        default:
            if (t.index < Captured::kArgs) put_indexed(e, t);
    }
}

bool known_origin(uint8_t origin) { return origin >= 1 && origin <= static_cast<uint8_t>(wire::Origin::scan); }

void take_header(Event& e, const RecordHeader& h, const RecordSource& source) {
    e.id = source.id;
    e.ts = source.ts;
    e.history = source.history;
    e.masked = source.masked;
    e.pid = source.owner != 0 ? source.owner : static_cast<int64_t>(h.pid);
    e.tid = h.tid != 0 ? static_cast<int64_t>(h.tid) : e.pid;
    e.origin = source.owner != 0 ? wire::Origin::shim : static_cast<wire::Origin>(h.origin);
    e.inferred = h.flags & wire::kInferred;
    e.result_unknown = h.flags & wire::kResultUnknown;
    e.unreadable = h.flags & wire::kUnreadable;
    e.foreign_abi = h.flags & wire::kForeignAbi;
}

// The type, and whether the number in the record is a result that rules may see.
DecodeStatus take_kind(Event& e, const RecordHeader& h) {
    e.result = h.result;
    switch (static_cast<RecordKind>(h.kind)) {
        case RecordKind::call:
        case RecordKind::result:
            if (h.call >= wire::kCallCount || kEvents[h.call].flags & kNotSyscall) return DecodeStatus::bad_call;
            e.kind = Kind::call;
            e.type = h.call;
            e.has_result = true;
            if (e.result_unknown) e.result = 0;
            return DecodeStatus::ok;
        case RecordKind::birth: e.kind = Kind::birth, e.type = type_of(Call::clone); return DecodeStatus::ok;
        case RecordKind::exit: e.kind = Kind::exit, e.type = type_of(Call::procexit); return DecodeStatus::ok;
        case RecordKind::name: e.kind = Kind::name; return DecodeStatus::ok;
        case RecordKind::coverage: {
            CoverageReason reason;
            CoverageLevel level;
            e.kind = Kind::coverage;
            return coverage_of(h.result, reason, level) ? DecodeStatus::ok : DecodeStatus::bad_kind;
        }
        case RecordKind::pad: break;
    }
    return DecodeStatus::bad_kind;
}

}  // namespace

wire::Tlv find_tlv(const RecordView& record, Tag tag) {
    Tlv found{tag, 0, 0, nullptr};
    record.each([&](const Tlv& t) {
        if (t.tag != tag) return true;
        found = t;
        return false;
    });
    return found;
}

DecodeStatus decode(const RecordView& record, const RecordView* result, const RecordSource& source, Event& e) {
    const RecordHeader& h = record.header();
    e.reset();
    if (source.owner == 0 && !known_origin(h.origin)) return DecodeStatus::bad_origin;
    take_header(e, h, source);
    RecordHeader effective = h;
    if (result != nullptr) {
        effective.result = result->header().result;
        e.inferred = false;
        e.result_unknown = result->header().flags & wire::kResultUnknown;
        // The caller tells what the trap could not read.
        if (find_tlv(*result, Tag::path).data != nullptr || find_tlv(*result, Tag::sockaddr).data != nullptr) e.unreadable = false;
    }
    const DecodeStatus status = take_kind(e, effective);
    if (status != DecodeStatus::ok) return status;
    const auto take = [&](const Tlv& t) {
        put(e, t);
        return true;
    };
    record.each(take);
    if (result != nullptr) result->each(take);
    // dup2 and dup3 that succeed return their second argument.
    if ((e.result_unknown || e.result == wire::kInferredFd) && (e.is(Call::dup2) || e.is(Call::dup3)) && e.captured.nregs > 1)
        e.result = static_cast<int32_t>(e.captured.regs[1]);
    // A successful execveat is an execve, as in Falco.
    if (e.is(Call::execveat) && e.kind == Kind::call && e.result >= 0) e.type = type_of(Call::execve);
    if (e.kind == Kind::coverage) {
        CoverageReason reason;
        CoverageLevel level;
        coverage_of(h.result, reason, level);
        e.result = 0;
        fill_coverage(e, reason, level, e.captured.text);
    } else if (e.has_type()) fill_params(e);
    return DecodeStatus::ok;
}

}  // namespace undercoat::event
