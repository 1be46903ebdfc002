// See claim.h. The claim is a locked file beside the meeting place; it holds the path of its holder's meeting place and a line
// end, once that is open.
#include "supervisor/instrument/claim.h"

#include <ctime>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervisor/instrument/fds.h"
#include "supervisor/instrument/target.h"

namespace undercoat::instrument {
namespace {

constexpr int kLooks = 1000;
constexpr timespec kBetween{0, 5'000'000};

// In the first place where one can be made.
UniqueFd open_file(Claim::Places places) {
    struct stat mounts{};
    stat("/proc/self/ns/mnt", &mounts);
    for (const char* place : places) {
        const std::string meet = place;
        mkdir(meet.substr(0, meet.rfind('/')).c_str(), 0755);
        const std::string path = meet + "." + std::to_string(mounts.st_ino) + ".lock";
        UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
        if (fd) return move_high(std::move(fd));
    }
    return {};
}

// What the holder wrote; empty while it has not.
std::string written(int fd) {
    char text[sizeof wire::BesideOffer::meet + 1];
    const ssize_t n = pread(fd, text, sizeof text, 0);
    if (n <= 0 || text[n - 1] != '\n') return {};
    return std::string(text, static_cast<size_t>(n));
}

}  // namespace

Claim Claim::take(Places places) {
    Claim c;
    c.file_ = open_file(places);
    for (int i = 0; c.file_ && i < kLooks; ++i) {
        if (flock(c.file_.get(), LOCK_EX | LOCK_NB) == 0) {
            c.ours_ = ftruncate(c.file_.get(), 0) == 0;
            return c;
        }
        c.ours_ = false;
        if (std::string text = written(c.file_.get()); !text.empty()) {
            text.pop_back();
            c.meet_ = text;
            return c;
        }
        nanosleep(&kBetween, nullptr);
    }
    return c;
}

void Claim::serve(const std::string& meet) {
    const std::string line = meet + "\n";
    if (file_ && pwrite(file_.get(), line.data(), line.size(), 0) < 0) file_.reset();
}

}  // namespace undercoat::instrument
