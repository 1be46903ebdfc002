// Probes of what lies around us: memory files, /dev/shm, the gadget's address, the shim, the image's libc, meeting places.
#include "supervisor/cli/probes/probe.h"

#include "base/unique_fd.h"
#include "wire/local/handover.h"

#include <cerrno>
#include <cstring>
#include <elf.h>
#include <fcntl.h>
#include <filesystem>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

namespace undercoat::cli {
namespace {

namespace fs = std::filesystem;

ProbeResult kernel_probe() {
    ProbeResult r{"kernel", Verdict::good, "", "the version decides nothing: each mechanism is tried", ""};
    utsname u{};
    ::uname(&u);
    r.found = std::string(u.sysname) + " " + u.release + " " + u.machine;
    if (first_line("/proc/version").find("gVisor") != std::string::npos) {
        r.found += ", gVisor";
        r.meaning = "a sandbox with its own kernel: seccomp notifications are not there, ptrace is";
    }
    if (std::strcmp(u.machine, "x86_64") != 0) {
        r.verdict = Verdict::bad;
        r.meaning = "this build is for x86-64";
    }
    return r;
}

ProbeResult memfd_probe() {
    ProbeResult r{"memfd", Verdict::good, "works, with seals", "rings are shared with processes through sealed memory files", ""};
    UniqueFd fd(::memfd_create("undercoat-doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    const bool sized = fd && ::ftruncate(fd.get(), 4096) == 0;
    if (sized && ::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0) return r;
    r.verdict = Verdict::bad;
    r.found = "refused: " + std::string(std::strerror(errno));
    r.meaning = "the shim cannot hand over events: only the trap works";
    r.advice = "allow memfd_create in the seccomp profile";
    return r;
}

ProbeResult shm_probe() {
    ProbeResult r{"dev-shm", Verdict::good, "", "not needed: rings are memory files, which /dev/shm does not limit", ""};
    struct statvfs s;
    if (::statvfs("/dev/shm", &s) != 0)
        r.found = "not there";
    else
        r.found = std::to_string(s.f_blocks * s.f_frsize / (1024 * 1024)) + " MiB, " +
                  (::access("/dev/shm", W_OK) == 0 ? "writable" : "not writable");
    return r;
}

ProbeResult gadget_probe() {
    ProbeResult r{"gadget-address", Verdict::good, "free", "calls of the shim pass the filter through one known page", ""};
    void* wanted = reinterpret_cast<void*>(wire::kGadgetAddress);
    void* got = ::mmap(wanted, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    const int error = errno;
    if (got != MAP_FAILED) ::munmap(got, 4096);
    if (got == wanted) return r;
    r.verdict = Verdict::limited;
    r.found = got == MAP_FAILED ? "not available: " + std::string(std::strerror(error)) : "the kernel chose another address";
    r.meaning = "each call takes the trap: correct, but slower";
    return r;
}

std::string shim_path() {
    std::error_code error;
    const fs::path self = fs::read_symlink("/proc/self/exe", error);
    return error ? "" : (self.parent_path().parent_path() / "lib" / "libshim.so").string();
}

bool is_shared_object(const std::string& path) {
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    Elf64_Ehdr header{};
    return fd && ::read(fd.get(), &header, sizeof header) == static_cast<ssize_t>(sizeof header) &&
           std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 && header.e_type == ET_DYN && header.e_machine == EM_X86_64;
}

// What a small dynamic program says on stderr when the library is preloaded. Empty: nothing, so it was loaded.
std::string preload_complaint(const std::string& path, const char* program) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return "no pipe";
    UniqueFd out(ends[0]), in(ends[1]);
    const std::string preload = "LD_PRELOAD=" + path;
    const pid_t pid = ::fork();
    if (pid < 0) return "no process";
    if (pid == 0) {
        ::dup2(in.get(), 2);
        char* const argv[] = {const_cast<char*>(program), nullptr};
        // Told of an instrument, it starts none, whose alerts would stand on stderr.
        const std::string told = std::string(wire::kEnvAdded) + "=";
        char* const envp[] = {const_cast<char*>(preload.c_str()), const_cast<char*>(told.c_str()), nullptr};
        ::execve(program, argv, envp);
        ::_exit(127);
    }
    in.reset();
    const ChildOutcome child = wait_child(pid);
    char text[512];
    const ssize_t n = ::read(out.get(), text, sizeof text);
    if (n > 0) return std::string(text, static_cast<size_t>(n));
    return child.exited && child.code == 0 ? "" : "the program failed";
}

ProbeResult shim_probe() {
    ProbeResult r{"libshim", Verdict::good, "", "libc's calls are seen inside the process, for tens of nanoseconds", ""};
    const std::string path = shim_path();
    if (!is_shared_object(path)) {
        r.verdict = Verdict::bad;
        r.found = path + " is missing or no x86-64 library";
        r.meaning = "everything takes the trap";
        r.advice = "copy the whole directory of the bundle, not only bin/";
        return r;
    }
    r.found = path;
    for (const char* program : {"/bin/true", "/usr/bin/true"}) {
        if (::access(program, X_OK) != 0) continue;
        const std::string complaint = preload_complaint(path, program);
        if (complaint.empty()) {
            r.found += ", loaded by " + std::string(program);
            return r;
        }
        r.verdict = Verdict::bad;
        r.found += ": " + complaint.substr(0, complaint.find('\n'));
        r.meaning = "the image's dynamic loader does not take the library: everything takes the trap";
        return r;
    }
    r.found += ", not tried: the image has no true(1)";
    return r;
}

ProbeResult libc_probe() {
    ProbeResult r{"libc", Verdict::good, "", "the shim works with both", ""};
    const bool glibc = ::access("/lib64/ld-linux-x86-64.so.2", R_OK) == 0;
    const bool musl = ::access("/lib/ld-musl-x86_64.so.1", R_OK) == 0;
    r.found = glibc && musl ? "glibc and musl" : glibc ? "glibc" : musl ? "musl" : "none";
    if (!glibc && !musl) r.meaning = "an image of static programs: they are seen by the trap";
    return r;
}

ProbeResult meeting_probe() {
    ProbeResult r{"meeting-place", Verdict::good, "", "processes that instrument did not start can find it", ""};
    for (const char* place : wire::kMeetingPlaces) {
        fs::path directory = fs::path(place).parent_path();
        std::error_code error;
        while (!fs::exists(directory, error) && directory.has_relative_path()) directory = directory.parent_path();
        if (::access(directory.c_str(), W_OK) != 0) continue;
        r.found = place;
        return r;
    }
    r.verdict = Verdict::limited;
    r.found = "none of /run, /dev/shm and /tmp is writable";
    r.meaning = "processes entered from outside (ECS Exec, docker exec) are seen by the trap only, or not at all";
    r.advice = "mount a small tmpfs on /run/undercoat";
    return r;
}

}  // namespace

void probe_environment(std::vector<ProbeResult>& out) {
    out.push_back(kernel_probe());
    out.push_back(libc_probe());
    out.push_back(shim_probe());
    out.push_back(gadget_probe());
    out.push_back(memfd_probe());
    out.push_back(shm_probe());
    out.push_back(meeting_probe());
}

}  // namespace undercoat::cli
