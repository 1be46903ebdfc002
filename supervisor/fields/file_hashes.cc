// See file_hashes.h. One worker thread opens and reads; it is left behind when it hangs.
#include "supervisor/fields/file_hashes.h"

#include "base/unique_fd.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace undercoat::fields {
namespace {

using Clock = std::chrono::steady_clock;

struct Job {
    std::string key, path;
    int64_t pid = 0;
    uint64_t ino = 0, ctime = 0;
};

// The change time cannot be set by a program, so a file that was changed in place has another key.
std::string key_of(const ExecutedFile& f) {
    std::string key(f.path);
    for (const uint64_t n : {f.ino, f.ctime, f.mtime}) key += '\0' + std::to_string(n);
    return key;
}

uint64_t ns_of(const timespec& t) { return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(t.tv_nsec); }

// Opens the file if it is the one that was executed and fit to be read.
UniqueFd open_same(const std::string& path, const Job& job) {
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    struct stat s{};
    if (!fd || ::fstat(fd.get(), &s) != 0 || !S_ISREG(s.st_mode)) return {};
    const bool same = s.st_ino == job.ino && ns_of(s.st_ctim) == job.ctime;
    return same && static_cast<uint64_t>(s.st_size) <= FileHashes::kLargest ? std::move(fd) : UniqueFd();
}

std::string digest_of(int fd, const std::atomic<bool>& stopping) {
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    if (!context || EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) != 1) return {};
    std::vector<unsigned char> buffer(256 << 10);
    uint64_t total = 0;
    for (ssize_t n; (n = ::read(fd, buffer.data(), buffer.size())) != 0;) {
        total += n > 0 ? static_cast<uint64_t>(n) : 0;
        if (n < 0 || total > FileHashes::kLargest || stopping.load(std::memory_order_relaxed)) return {};
        EVP_DigestUpdate(context.get(), buffer.data(), static_cast<size_t>(n));
    }
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
    unsigned size = 0;
    if (EVP_DigestFinal_ex(context.get(), digest.data(), &size) != 1) return {};
    std::string text;
    for (unsigned i = 0; i < size; ++i)
        for (const int half : {digest[i] >> 4, digest[i] & 15}) text += "0123456789abcdef"[half];
    return text;
}

}  // namespace

struct FileHashes::Shared {
    std::string root;
    std::mutex mutex;
    std::condition_variable work, done;
    std::deque<Job> jobs;
    std::unordered_map<std::string, std::string> known;  // "": refused
    std::unordered_map<std::string, bool> asked;         // waiting or being read
    Counters counters;
    std::atomic<bool> stopping = false;
    bool busy = false;

    std::string hash(const Job& job) const {
        // The process's own link is the file itself; it is gone with the process.
        for (const std::string& path : {root + "/proc/" + std::to_string(job.pid) + "/exe", root + job.path})
            if (UniqueFd fd = open_same(path, job)) return digest_of(fd.get(), stopping);
        return {};
    }

    void run() {
        std::unique_lock lock(mutex);
        while (true) {
            work.wait(lock, [this] { return stopping || !jobs.empty(); });
            if (stopping) return;
            const Job job = std::move(jobs.front());
            jobs.pop_front();
            busy = true;
            lock.unlock();
            std::string text = hash(job);
            lock.lock();
            busy = false;
            ++(text.empty() ? counters.refused : counters.hashed);
            if (known.size() >= kMostKept) known.clear();
            known[job.key] = std::move(text);
            asked.erase(job.key);
            done.notify_all();
        }
    }
};

FileHashes::FileHashes(std::string root) : shared_(std::make_shared<Shared>()), since_(Clock::now()), saved_(kMostWait) {
    shared_->root = std::move(root);
}

// The end of the program takes OpenSSL's memory away, so the worker must not be in it; one that hangs is in the kernel.
FileHashes::~FileHashes() {
    std::unique_lock lock(shared_->mutex);
    shared_->stopping = true;
    shared_->work.notify_all();
    shared_->done.wait_for(lock, std::chrono::seconds(1), [this] { return !shared_->busy; });
}

// A tenth of the time that has passed, two files' worth at most.
std::chrono::nanoseconds FileHashes::allowance() {
    const auto now = Clock::now();
    saved_ = std::min<std::chrono::nanoseconds>(saved_ + (now - since_) / 10, 2 * kMostWait);
    since_ = now;
    return std::min<std::chrono::nanoseconds>(saved_, kMostWait);
}

std::string_view FileHashes::sha256(const ExecutedFile& file) {
    if (file.ino == 0 || file.ctime == 0) return {};
    const std::string key = key_of(file);
    std::unique_lock lock(shared_->mutex);
    const auto found = [&] { return shared_->known.find(key); };
    if (found() == shared_->known.end()) {
        if (!shared_->asked.contains(key)) {
            if (shared_->jobs.size() >= kMostWaiting) return ++shared_->counters.crowded, std::string_view();
            shared_->jobs.push_back({key, std::string(file.path), file.pid, file.ino, file.ctime});
            shared_->asked[key] = true;
            if (!started_) std::thread([shared = shared_] { shared->run(); }).detach();
            started_ = true;
            shared_->work.notify_one();
        }
        const auto most = allowance();
        const auto began = Clock::now();
        shared_->done.wait_for(lock, most, [&] { return found() != shared_->known.end(); });
        saved_ -= Clock::now() - began;
        since_ = Clock::now();
        if (found() == shared_->known.end()) return ++shared_->counters.late, std::string_view();
    }
    answer_ = found()->second;
    return answer_;
}

FileHashes::Counters FileHashes::counters() const {
    const std::lock_guard lock(shared_->mutex);
    return shared_->counters;
}

}  // namespace undercoat::fields
