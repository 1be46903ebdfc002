// A supervisor that evaluates nothing: it speaks the agent protocol, reads every ring and prints each record as one line.
//
// A debugging aid: UNDERCOAT_SUPERVISOR=…/dump_supervisor instrument --events FILE CMD. Without --events it prints to
// stderr. With UNDERCOAT_DUMP_RAW set it writes the records as they are, in the form of bench/engine/recording.h.
// Must stay true: like the real one it goes on from the tails in the registry and publishes them after printing.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <poll.h>
#include <string>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

#include "bench/engine/recording.h"
#include "wire/local/calls.h"
#include "wire/local/handover.h"
#include "wire/local/registry.h"
#include "wire/local/ring_reader.h"

namespace {

using namespace undercoat::wire;
using undercoat::bench::RecordingEntry;

std::string quoted(const uint8_t* p, size_t n) {
    std::string s = "\"";
    for (size_t i = 0; i < n; ++i) {
        char b[8];
        if (p[i] == 0) s += ' ';
        else if (p[i] >= 32 && p[i] < 127 && p[i] != '"') s += static_cast<char>(p[i]);
        else snprintf(b, sizeof b, "\\x%02x", p[i]), s += b;
    }
    return s + "\"";
}

const char* tag_name(Tag t) {
    static const char* const names[] = {"?", "args", "path", "string", "sockaddr", "fd", "socket", "argv", "envp",
                                        "open_how", "buffer", "cwd", "exe", "comm", "proc", "children", "order", "seq",
                                        "addresses", "text", "local", "peer", "cgroup", "file", "buf64"};
    const auto i = static_cast<size_t>(t);
    return i < sizeof names / sizeof *names ? names[i] : "?";
}

std::string value(const Tlv& t) {
    char b[128];
    switch (t.tag) {
        case Tag::args: {
            std::string s;
            for (size_t i = 0; i + 8 <= t.size; i += 8) {
                uint64_t v;
                memcpy(&v, t.data + i, 8);
                snprintf(b, sizeof b, "%s%llx", i ? "," : "", static_cast<unsigned long long>(v));
                s += b;
            }
            return s;
        }
        case Tag::proc: {
            ProcInfo p;
            if (t.size != sizeof p) return "bad";
            memcpy(&p, t.data, sizeof p);
            snprintf(b, sizeof b, "{pid=%u ppid=%u uid=%u/%u sid=%u tty=%u}", p.pid, p.ppid, p.uid, p.euid, p.sid, p.tty_nr);
            return b;
        }
        case Tag::file: {
            FileInfo f;
            if (t.size != sizeof f) return "bad";
            memcpy(&f, t.data, sizeof f);
            snprintf(b, sizeof b, "{ino=%llu mode=%o flags=%x}", static_cast<unsigned long long>(f.ino), f.mode, f.flags);
            return b;
        }
        case Tag::socket: {
            SocketInfo s;
            if (t.size != sizeof s) return "bad";
            memcpy(&s, t.data, sizeof s);
            snprintf(b, sizeof b, "{family=%d type=%d local=%u peer=%u}", s.family, s.type, s.local_len, s.peer_len);
            return b;
        }
        case Tag::order: {
            Order o;
            if (t.size != sizeof o) return "bad";
            memcpy(&o, t.data, sizeof o);
            snprintf(b, sizeof b, "{%u:%llu}", o.ring_id, static_cast<unsigned long long>(o.head));
            return b;
        }
        default: return quoted(t.data, t.size);
    }
}

struct Source {
    RingReader reader;
    RingSlot* slot = nullptr;
    RingControl* control = nullptr;
    uint32_t ring_id = 0;
};

class Dump {
public:
    Dump(int fd, FILE* out, bool raw) : fd_(fd), out_(out), raw_(raw) {}
    int run() {
        for (;;) {
            pollfd p{fd_, POLLIN, 0};
            poll(&p, 1, stop_ ? 0 : 2);
            if (p.revents && !receive()) stop_ = true;
            bool any = true;
            while (any) {
                any = false;
                for (auto& [slot, s] : sources_) any |= drain(s);
                fflush(out_);
                for (auto& [slot, s] : sources_) publish(s);
            }
            if (stop_) return report_unread();
        }
    }

private:
    // Rings that end with something unread: a writer died there, or somebody's book-keeping is wrong.
    int report_unread() {
        if (raw_) return 0;
        for (auto& [slot, s] : sources_)
            if (s.slot->ring_id == s.ring_id && s.reader.head() != s.reader.position())
                fprintf(out_, "unread ring=%u slot=%u pid=%u state=%u position=%llu head=%llu stamp=%llx drops=%u\n", s.ring_id, slot,
                        s.slot->pid, s.slot->state, static_cast<unsigned long long>(s.reader.position()),
                        static_cast<unsigned long long>(s.reader.head()),
                        static_cast<unsigned long long>(*s.reader.ring().stamp(s.reader.position())), s.control->drops[0]);
        fflush(out_);
        return 0;
    }

    bool receive() {
        AgentMessage m{};
        iovec part{&m, sizeof m};
        alignas(cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))];
        msghdr h{};
        h.msg_iov = &part, h.msg_iovlen = 1, h.msg_control = control, h.msg_controllen = sizeof control;
        if (recvmsg(fd_, &h, MSG_CMSG_CLOEXEC) != sizeof m) return false;
        int fds[4] = {-1, -1, -1, -1};
        if (cmsghdr* c = CMSG_FIRSTHDR(&h)) memcpy(fds, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
        switch (static_cast<AgentMessageKind>(m.kind)) {
            case AgentMessageKind::hello: {
                registry_ = static_cast<Registry*>(mmap(nullptr, sizeof(Registry), PROT_READ | PROT_WRITE, MAP_SHARED, fds[0], 0));
                add(0, fds[1]);
                registry_->ready = 1;
                m.kind = static_cast<uint32_t>(AgentMessageKind::ready);
                send(fd_, &m, sizeof m, MSG_NOSIGNAL);
                return true;
            }
            case AgentMessageKind::ring: add(m.slot, fds[0]); return true;
            case AgentMessageKind::stop: stop_ = true; return true;
            default: return true;
        }
    }

    void add(uint32_t slot, int fd) {
        RingSlot& s = registry_->slots[slot];
        const size_t size = kControlSize + size_t{s.granules} * kGranule;
        auto* p = static_cast<uint8_t*>(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
        Ring ring{reinterpret_cast<RingControl*>(p), p + kControlSize, s.granules};
        sources_[slot] = Source{RingReader(ring, s.tail), &s, ring.control, s.ring_id};
        if (raw_) write({RecordingEntry::ring, s.ring_id, slot, s.pid, s.granules, 0, s.tail}, nullptr);
    }

    bool drain(Source& s) {
        static uint8_t copy[kMaxRecord];
        bool any = false;
        for (int i = 0; i < 4096; ++i) {
            size_t n = 0;
            const ReadStatus r = s.reader.next(copy, &n);
            if (r != ReadStatus::record) break;
            any = true;
            if (raw_) keep(copy, n, s);
            else print(RecordView(copy, n), s);
        }
        return any;
    }

    void publish(Source& s) {
        if (s.slot->ring_id != s.ring_id) return;  // the slot went to another ring, whose descriptor is under way
        __atomic_store_n(&s.slot->tail, s.reader.position(), __ATOMIC_RELEASE);
        s.reader.publish();
        const bool empty = s.reader.head() == s.reader.position();
        if (s.slot->state != static_cast<uint32_t>(SlotState::orphaned) || !empty) return;
        s.slot->state = static_cast<uint32_t>(SlotState::drained);
        if (raw_) write({RecordingEntry::end, s.ring_id, 0, 0, 0, 0, s.reader.position()}, nullptr);
    }

    // The record ends where the reader stands; pads before it belong to nobody.
    void keep(const uint8_t* bytes, size_t n, const Source& s) {
        const auto granules = static_cast<uint32_t>(granules_for(n - kHeaderSize));
        write({RecordingEntry::record, s.ring_id, 0, 0, granules, static_cast<uint32_t>(n), s.reader.position() - granules}, bytes);
    }
    void write(const RecordingEntry& e, const uint8_t* bytes) {
        fwrite(&e, sizeof e, 1, out_);
        if (bytes) fwrite(bytes, 1, e.size, out_);
    }

    void print(const RecordView& v, const Source& s) {
        static const char* const kinds[] = {"pad", "call", "result", "birth", "exit", "name", "coverage"};
        static const char* const origins[] = {"?", "shim", "notify", "ptrace", "scan"};
        if (!v.valid()) {
            fprintf(out_, "invalid record in ring %u\n", s.slot->ring_id);
            return;
        }
        const RecordHeader& h = v.header();
        fprintf(out_, "%s %s %s pid=%u tid=%u res=%lld", kinds[h.kind % 7], h.call < kCallCount ? kCalls[h.call].name : "-",
                origins[h.origin % 5], h.pid ? h.pid : s.slot->pid, h.tid, static_cast<long long>(h.result));
        static const char* const flags[] = {"inferred", "unknown", "follows", "", "unreadable", "foreign"};
        for (int i = 0; i < 6; ++i)
            if (h.flags >> i & 1 && i != 3) fprintf(out_, " %s", flags[i]);
        v.each([&](const Tlv& t) {
            fprintf(out_, " %s%u=%s", tag_name(t.tag), t.index, value(t).c_str());
            return true;
        });
        fputc('\n', out_);
    }

    int fd_;
    FILE* out_;
    bool raw_;
    bool stop_ = false;
    Registry* registry_ = nullptr;
    std::map<uint32_t, Source> sources_;
};

}  // namespace

int main(int argc, char** argv) {
    int fd = -1;
    FILE* out = stderr;
    for (int i = 1; i + 1 < argc; ++i) {
        if (!strcmp(argv[i], "--agent-fd")) fd = atoi(argv[i + 1]);
        if (!strcmp(argv[i], "--events")) out = fopen(argv[i + 1], "a");
    }
    if (fd < 0 || !out) return fprintf(stderr, "dump_supervisor: started by instrument only\n"), 2;
    return Dump(fd, out, getenv("UNDERCOAT_DUMP_RAW") != nullptr).run();
}
