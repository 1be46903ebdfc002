// See capture.h.
#include "supervisor/instrument/capture.h"

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <linux/audit.h>

#include "supervisor/instrument/filter.h"
#include "supervisor/instrument/target.h"

namespace undercoat::instrument {
namespace {

using wire::ArgKind;
using wire::Tag;

struct Reader {
    const HeldCall& c;
    wire::PayloadWriter& out;
    Captured& found;
    int directory = AT_FDCWD;  // the dirfd argument before the path at hand
    int directory_index = -1;
    bool cwd_written = false;

    void note(Read r) {
        found.bad_pointer |= r == Read::fault;
        found.too_long |= r == Read::too_long;
        if (r == Read::forbidden) found.flags |= wire::kUnreadable;
    }

    void text(unsigned i, Tag tag) {
        if (c.args[i] == 0) return;
        char buffer[wire::kMaxPath];
        size_t n = 0;
        const Read r = read_string(c.tid, c.args[i], buffer, sizeof buffer, &n);
        note(r);
        if (r == Read::ok || r == Read::too_long) out.put(tag, static_cast<uint8_t>(i), buffer, n);
        if (tag != Tag::path) return;
        auto& slot = found.paths[found.paths[0].arg < 0 ? 0 : 1];
        slot.arg = static_cast<int>(i);
        slot.length = n;
        slot.cut = n == sizeof buffer;
        memcpy(slot.text, buffer, n);
        slot.text[n] = 0;
        if (r != Read::ok || (n != 0 && buffer[0] == '/')) return;
        relative_to();
    }

    // A path that does not begin at the root begins somewhere: say where.
    void relative_to() {
        char link[wire::kMaxPath];
        if (directory != AT_FDCWD) {
            if (const size_t n = read_fd_link(c.tid, directory, link, sizeof link))
                out.put(Tag::fd, static_cast<uint8_t>(directory_index), link, n);
        } else if (!cwd_written) {
            cwd_written = true;
            if (const size_t n = read_link(c.tid, "cwd", link, sizeof link)) out.put(Tag::cwd, 0, link, n);
        }
    }

    void bytes(unsigned i, uint64_t size, size_t limit, Tag tag) {
        if (c.args[i] == 0) return;
        uint8_t buffer[256];
        size_t got = 0;
        const size_t want = static_cast<size_t>(std::min<uint64_t>({size, limit, sizeof buffer}));
        note(read_memory(c.tid, c.args[i], buffer, want, &got));
        if (got != 0) out.put(tag, static_cast<uint8_t>(i), buffer, got);
        if (tag == Tag::sockaddr) memcpy(found.address, buffer, found.address_length = got);
    }

    void descriptor(unsigned i) {
        char link[wire::kMaxPath];
        if (const size_t n = read_fd_link(c.tid, c.as_int(i), link, sizeof link))
            out.put(Tag::fd, static_cast<uint8_t>(i), link, n);
    }

    uint64_t next_arg(unsigned i) const { return i + 1 < c.info().nargs ? c.args[i + 1] : 0; }

    void argument(unsigned i) {
        switch (c.info().args[i]) {
            case ArgKind::path: return text(i, Tag::path);
            case ArgKind::string: return text(i, Tag::string);
            case ArgKind::fd: return descriptor(i);
            case ArgKind::dirfd:
                directory = c.as_int(i);
                directory_index = static_cast<int>(i);
                return;
            case ArgKind::sockaddr: return bytes(i, static_cast<uint32_t>(next_arg(i)), 128, Tag::sockaddr);
            case ArgKind::openhow: return bytes(i, next_arg(i), 64, Tag::open_how);
            case ArgKind::buf: return bytes(i, next_arg(i), wire::kMaxBuffer, Tag::buffer);
            default: return;
        }
    }
};

void from_socketcall(HeldCall& c) {
    struct Entry {
        uint32_t op;
        wire::Call call;
    };
    static constexpr Entry entries[] = {{1, wire::Call::socket}, {2, wire::Call::bind},    {3, wire::Call::connect},
                                        {4, wire::Call::listen}, {5, wire::Call::accept},  {11, wire::Call::sendto},
                                        {18, wire::Call::accept4}};
    c.call = wire::kNoCall;
    for (const Entry& e : entries) {
        if (e.op != c.args[0]) continue;
        uint32_t words[6] = {};
        size_t got = 0;
        const size_t n = wire::info(e.call).nargs * sizeof words[0];
        if (read_memory(c.tid, c.args[1], words, n, &got) != Read::ok || got != n) return;
        std::copy(words, words + 6, c.args);
        c.call = static_cast<uint16_t>(e.call);
        if (e.call == wire::Call::sendto && words[4] == 0) c.call = wire::kNoCall;
        return;  // what was args[0] is a descriptor now
    }
}

}  // namespace

bool decode(const Trap& t, HeldCall& c) {
    c.tid = static_cast<pid_t>(t.tid);
    std::copy(t.args, t.args + 6, c.args);
    if (t.arch == AUDIT_ARCH_X86_64) {
        c.foreign = t.nr & kX32Bit;
        c.call = captured_call(t.nr & ~kX32Bit);
        return c.call != wire::kNoCall;
    }
    if (t.arch != AUDIT_ARCH_I386) return false;
    c.foreign = true;
    c.wide_pointers = false;
    for (uint64_t& a : c.args) a &= 0xffffffff;
    if (t.nr == kSocketcallNr) from_socketcall(c);
    else c.call = captured_call_i386(t.nr);
    return c.call != wire::kNoCall;
}

void capture_registers(const HeldCall& c, wire::PayloadWriter& out) { out.put(Tag::args, 0, c.args, sizeof c.args); }

void capture_arguments(const HeldCall& c, wire::PayloadWriter& out, Captured& found) {
    capture_registers(c, out);
    Reader r{c, out, found};
    for (unsigned i = 0; i < c.info().nargs; ++i) r.argument(i);
    // What these point to depends on another argument, or has no kind of its own.
    constexpr uint64_t kSetName = 15;
    constexpr size_t kCapabilityData = 24;
    if (c.call == static_cast<uint16_t>(wire::Call::prctl) && c.args[0] == kSetName) r.text(1, Tag::string);
    if (c.call == static_cast<uint16_t>(wire::Call::capset)) r.bytes(1, kCapabilityData, kCapabilityData, Tag::buffer);
}

}  // namespace undercoat::instrument
