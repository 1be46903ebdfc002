// Process lists. Each version added something in the middle; since version 9 an entry has its length and grows at its end.
#include "supervisor/scap/lists.h"

#include "supervisor/event/flags.h"

namespace undercoat::scap {
namespace {

using state::Thread;

// The version by the block's type; 0 if it is no process list.
unsigned version_of(BlockType type) {
    switch (type) {
        case BlockType::processes_v1: return 1;
        case BlockType::processes_v2: return 2;
        case BlockType::processes_v3: return 3;
        case BlockType::processes_v4: return 4;
        case BlockType::processes_v5: return 5;
        case BlockType::processes_v6: return 6;
        case BlockType::processes_v7: return 7;
        case BlockType::processes_v8: return 8;
        case BlockType::processes_v9: return 9;
        default: return 0;
    }
}

void take_ids(Cursor& c, unsigned version, Thread& t) {
    t.tid = t.vtid = c.take<int64_t>();
    t.pid = t.vpid = c.take<int64_t>();
    t.ppid = c.take<int64_t>();
    if (version >= 6) t.sid = c.take<int64_t>();
    if (version >= 8) t.vpgid = c.take<int64_t>();
}

void take_image(Cursor& c, unsigned version, Thread& t, state::Image& image) {
    t.comm = t.kernel_comm = c.take_text();
    image.exe = c.take_text();
    if (version >= 7) image.exepath = c.take_text();
    image.args = split_texts(c.take_text());
    t.cwd = c.take_text();
    while (t.cwd.size() > 1 && t.cwd.back() == '/') t.cwd.pop_back();
}

void take_numbers(Cursor& c, unsigned version, Thread& t) {
    t.fd_limit = c.take<int64_t>();
    c.skip(sizeof(uint32_t));  // flags: those of the clone
    t.uid = t.ruid = t.suid = c.take<uint32_t>();
    t.gid = t.rgid = t.sgid = c.take<uint32_t>();
    if (version < 2) return;
    t.vm_size_kb = c.take<uint32_t>();
    t.vm_rss_kb = c.take<uint32_t>();
    t.vm_swap_kb = c.take<uint32_t>();
    t.pgft_maj = c.take<uint64_t>();
    t.pgft_min = c.take<uint64_t>();
}

void take_surroundings(Cursor& c, unsigned version, Thread& t, state::Image& image) {
    if (version >= 3) image.env = split_texts(c.take_text());
    if (version >= 4) {
        t.vtid = c.take<int64_t>();
        t.vpid = c.take<int64_t>();
        t.cgroups = c.take_text();
    }
    if (version >= 5) t.root = c.take_text();
    if (t.root.empty()) t.root = "/";
}

// What version 9 has added in the course of time: an older writer's entry ends earlier.
void take_tail(Cursor& c, Thread& t, state::Image& image) {
    const auto flag = [&](uint32_t bit) {
        if (c.left() >= 1 && c.take<uint8_t>() != 0) image.flags |= bit;
    };
    const auto number = [&](auto& to) {
        if (c.left() >= sizeof to) to = c.take<std::decay_t<decltype(to)>>();
    };
    number(t.loginuid);
    flag(event::kPpmExeWritable);
    if (c.left() >= 3 * sizeof(uint64_t)) number(t.cap_inheritable), number(t.cap_permitted), number(t.cap_effective);
    flag(event::kPpmExeUpperLayer);
    number(image.exe_ino), number(image.exe_ctime), number(image.exe_mtime);
    flag(event::kPpmExeFromMemfd);
    flag(event::kPpmExeLowerLayer);
    number(t.pgid);
}

bool take_entry(Cursor& list, unsigned version, Thread& t) {
    const size_t begin = list.position();
    const uint32_t length = version >= 9 ? list.take<uint32_t>() : 0;  // its own bytes included
    const size_t own = list.position() - begin;
    if (version >= 9 && (length < own || length - own > list.left())) return false;
    Cursor rest = version >= 9 ? Cursor(list.take_bytes(length - own)) : list;
    auto image = std::make_shared<state::Image>();
    take_ids(rest, version, t);
    take_image(rest, version, t, *image);
    take_numbers(rest, version, t);
    take_surroundings(rest, version, t, *image);
    if (!rest.ok()) return false;
    if (version >= 9) take_tail(rest, t, *image);
    else list = rest;
    t.image = std::move(image);
    return t.tid >= 0 && t.pid >= 0;
}

}  // namespace

std::vector<std::string> split_texts(std::string_view text) {
    std::vector<std::string> out;
    while (!text.empty()) {
        const size_t end = text.find('\0');
        out.emplace_back(text.substr(0, end));
        if (end == text.npos) break;
        text.remove_prefix(end + 1);
    }
    return out;
}

std::vector<Thread> read_processes(const Block& block, ListCounters& counters) {
    std::vector<Thread> out;
    const unsigned version = version_of(block.type);
    Cursor c(block.body);
    while (c.left() >= sizeof(uint32_t)) {
        Thread t;
        if (!take_entry(c, version, t)) {
            ++counters.bad_lists;
            break;
        }
        ++counters.processes;
        out.push_back(std::move(t));
    }
    return out;
}

}  // namespace undercoat::scap
