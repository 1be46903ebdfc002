// See capture_writer.h.
#include "tests/support/capture_writer.h"

namespace undercoat::test {
namespace {

constexpr uint32_t kProcessBlocks[] = {0, 0x202, 0x207, 0x209, 0x210, 0x211, 0x212, 0x213, 0x214, 0x215};

std::string process_entry(unsigned version, const ListedProcess& p) {
    ByteText b;
    b.put(p.tid).put(p.pid).put(p.ppid);
    if (version >= 6) b.put(p.pid);  // session
    if (version >= 8) b.put(p.pid);  // group
    b.text(p.comm).text(p.exe);
    if (version >= 7) b.text(p.exe);
    b.text(p.args).text(p.cwd).put(int64_t{1024}).put(uint32_t{0}).put(p.uid).put(p.gid);
    if (version >= 2) b.put(uint32_t{11}).put(uint32_t{12}).put(uint32_t{13}).put(uint64_t{14}).put(uint64_t{15});
    if (version >= 3) b.text(std::string("HOME=/\0", 7));
    if (version >= 4) b.put(p.tid).put(p.pid).text(p.cgroups);
    if (version >= 5) b.text("/");
    if (version < 9) return b.bytes;
    b.put(uint32_t{1000});  // login
    return bytes_of(static_cast<uint32_t>(b.bytes.size() + 4)) + b.bytes;
}

}  // namespace

CaptureWriter& CaptureWriter::block(uint32_t type, std::string_view body) {
    const size_t padding = (4 - body.size() % 4) % 4;
    const auto length = static_cast<uint32_t>(12 + body.size() + padding);
    bytes += ByteText().put(type).put(length).raw(body).raw(std::string(padding, '\0')).put(length).bytes;
    return *this;
}

CaptureWriter& CaptureWriter::section(uint16_t major, uint16_t minor) {
    return block(0x0a0d0d0a, ByteText().put(uint32_t{0x1a2b3c4d}).put(major).put(minor).put(int64_t{-1}).bytes);
}

CaptureWriter& CaptureWriter::processes(unsigned version, const std::vector<ListedProcess>& list) {
    std::string body;
    for (const ListedProcess& p : list) body += process_entry(version, p);
    return block(kProcessBlocks[version], body);
}

CaptureWriter& CaptureWriter::event(unsigned version, uint16_t code, int64_t tid, const std::vector<std::string>& params, bool flags,
                                    uint16_t cpu) {
    std::string lengths, values;
    for (const std::string& p : params) {
        if (version == 3) lengths += bytes_of(static_cast<uint32_t>(p.size()));
        else lengths += bytes_of(static_cast<uint16_t>(p.size()));
        values += p;
    }
    const size_t header = version == 1 ? 22 : 26;
    ByteText b;
    b.put(cpu);
    if (flags) b.put(uint32_t{1});
    b.put(++time_).put(tid).put(static_cast<uint32_t>(header + lengths.size() + values.size())).put(code);
    if (version != 1) b.put(static_cast<uint32_t>(params.size()));
    const uint32_t types[] = {0x204, 0x216, 0x221}, with_flags[] = {0x208, 0x217, 0x222};
    return block((flags ? with_flags : types)[version - 1], b.bytes + lengths + values);
}

std::string sample_capture() {
    CaptureWriter w;
    w.section();
    w.block(0x201, std::string(180, '\0'));
    const std::string_view loopback("\x7f\0\0\x01\xff\0\0\0\x7f\xff\xff\xff", 12);
    const std::string interface = ByteText().put(uint16_t{1}).put(uint16_t{2}).raw(loopback).bytes;
    w.block(0x219, ByteText().put(static_cast<uint32_t>(interface.size() + 10)).raw(interface).put(uint64_t{0}).raw("lo").bytes);
    w.block(0x206, ByteText().put(uint8_t{0}).put(uint32_t{5}).put(uint32_t{6}).text("ann").text("/home/ann").text("/bin/sh").bytes);
    w.processes(9, {{}, {20, 20, 1, "cat", "cat", std::string("/x\0", 3), "/tmp", "", 5, 6}});
    const std::string file = ByteText().put(int64_t{3}).put(uint64_t{9}).put(uint8_t{16}).put(uint32_t{1}).text("/etc/x").put(uint32_t{8}).bytes;
    w.block(0x218, ByteText().put(int64_t{20}).put(static_cast<uint32_t>(file.size() + 4)).raw(file).bytes);
    w.event(2, 2, 20, {text_param("/etc/y"), bytes_of(uint32_t{1}), bytes_of(uint32_t{0})});
    w.event(2, 3, 20, {bytes_of(int64_t{4}), text_param("/etc/y"), bytes_of(uint32_t{1}), bytes_of(uint32_t{0})});
    w.event(1, 6, 20, {bytes_of(int64_t{3}), bytes_of(uint32_t{80})});
    w.event(1, 7, 20, {bytes_of(int64_t{5}), "hello"});
    w.event(3, 23, 20, {bytes_of(int64_t{0}), std::string("\x02\x7f\0\0\x01\x10\x27\x7f\0\0\x01\x50\0", 13)}, true);
    w.event(2, 272, 0, {text_param(R"({"container":{"id":"abc","name":"c","image":"i:1","type":0,"privileged":true}})")});
    return w.bytes;
}

}  // namespace undercoat::test
