// A directory that looks like /proc to what reads it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace undercoat::coverage {

class FakeProc {
public:
    FakeProc() {
        char name[] = "/tmp/coverage-unit-XXXXXX";
        path_ = ::mkdtemp(name);
    }
    ~FakeProc() { std::filesystem::remove_all(path_); }
    const std::string& path() const { return path_; }

    struct Process {
        int pid = 1, parent = 0;
        int filters = 0;
        std::string exe = "/bin/true", maps = "", state = "S";
        uint64_t started = 100;
        int uid = 0, euid = 0;
        int tracer = 0;
    };
    void put(const Process& p) {
        const std::string d = path_ + "/" + std::to_string(p.pid);
        std::filesystem::create_directories(d + "/ns");
        std::ofstream(d + "/stat") << p.pid << " (na me) ) " << p.state << " " << p.parent
                                   << " 1 1 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 " << p.started << " 0 0 0 0 0 140000 0\n";
        std::ofstream(d + "/status") << "Name:\tx\nTracerPid:\t" << p.tracer << "\nUid:\t" << p.uid << "\t" << p.euid << "\t" << p.euid
                                     << "\t0\nGid:\t0\t0\t0\t0\nCapPrm:\t0000000000000000\nNoNewPrivs:\t0\nSeccomp:\t" << (p.filters ? 2 : 0)
                                     << "\nSeccomp_filters:\t" << p.filters << "\n";
        std::ofstream(d + "/maps") << p.maps;
        std::error_code ignored;
        std::filesystem::remove(d + "/exe", ignored);
        std::filesystem::create_symlink(p.exe, d + "/exe");
    }
    void remove(int pid) { std::filesystem::remove_all(path_ + "/" + std::to_string(pid)); }

private:
    std::string path_;
};

}  // namespace undercoat::coverage
