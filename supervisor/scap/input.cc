// Raw bytes, and gzip on top of them.
#include "supervisor/scap/input.h"

#include "base/unique_fd.h"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

namespace undercoat::scap {
namespace {

constexpr size_t kChunk = 64 * 1024;
constexpr uint8_t kGzip[] = {0x1f, 0x8b};
constexpr uint8_t kSection[] = {0x0a, 0x0d, 0x0d, 0x0a};

template <size_t N>
bool begins(Bytes bytes, const uint8_t (&with)[N]) {
    return bytes.size() >= N && std::memcmp(bytes.data(), with, N) == 0;
}

class Raw {
public:
    virtual ~Raw() = default;
    // Some bytes; none at the end. False: an error, which problem() names.
    virtual bool next(Bytes& out) = 0;
    std::string problem;
};

class RawFile : public Raw {
public:
    explicit RawFile(UniqueFd fd) : fd_(std::move(fd)), buffer_(new uint8_t[kChunk]) {}
    bool next(Bytes& out) override {
        ssize_t n;
        do n = ::read(fd_.get(), buffer_.get(), kChunk);
        while (n < 0 && errno == EINTR);
        if (n < 0) problem = std::string("reading failed: ") + std::strerror(errno);
        out = {buffer_.get(), n > 0 ? static_cast<size_t>(n) : 0};
        return n >= 0;
    }

private:
    UniqueFd fd_;
    std::unique_ptr<uint8_t[]> buffer_;
};

class RawMemory : public Raw {
public:
    explicit RawMemory(Bytes bytes) : bytes_(bytes) {}
    bool next(Bytes& out) override {
        out = bytes_;
        bytes_ = {};
        return true;
    }

private:
    Bytes bytes_;
};

// Passes plain bytes through and decompresses gzip, one member after another.
class Reader : public Input {
public:
    explicit Reader(std::unique_ptr<Raw> raw) : raw_(std::move(raw)) {
        more();
        compressed_ = begins(have_, kGzip);
        // 15 + 16: the largest window, a gzip header.
        if (compressed_ && inflateInit2(&stream_, 15 + 16) != Z_OK) stop("there is no memory to decompress with");
    }
    ~Reader() override {
        if (compressed_) inflateEnd(&stream_);
    }
    size_t read(uint8_t* to, size_t n) override { return compressed_ ? read_compressed(to, n) : read_plain(to, n); }
    std::string problem() const override { return raw_->problem; }

private:
    bool more() {
        if (have_.empty() && !ended_) ended_ = !raw_->next(have_) || have_.empty();
        return !have_.empty();
    }
    void stop(const char* why) {
        raw_->problem = why;
        ended_ = true;
        have_ = {};
    }
    size_t read_plain(uint8_t* to, size_t n) {
        size_t done = 0;
        while (done < n && more()) {
            const size_t some = std::min(n - done, have_.size());
            std::memcpy(to + done, have_.data(), some);
            have_ = have_.subspan(some);
            done += some;
        }
        return done;
    }
    size_t read_compressed(uint8_t* to, size_t n) {
        stream_.next_out = to;
        stream_.avail_out = static_cast<uInt>(n);
        while (stream_.avail_out != 0 && more()) {
            if (between_members_ && have_.front() != kGzip[0]) {  // padding after the last member
                have_ = {};
                ended_ = true;
                break;
            }
            stream_.next_in = const_cast<uint8_t*>(have_.data());
            stream_.avail_in = static_cast<uInt>(have_.size());
            const int status = inflate(&stream_, Z_NO_FLUSH);
            have_ = have_.subspan(have_.size() - stream_.avail_in);
            between_members_ = status == Z_STREAM_END;
            if (status == Z_STREAM_END) inflateReset(&stream_);
            else if (status != Z_OK && status != Z_BUF_ERROR) stop("the compressed data are damaged");
        }
        if (stream_.avail_out != 0 && !between_members_ && raw_->problem.empty())
            raw_->problem = "the compressed data end too early";
        return n - stream_.avail_out;
    }

    std::unique_ptr<Raw> raw_;
    Bytes have_{};
    bool ended_ = false, compressed_ = false, between_members_ = false;
    z_stream stream_{};
};

}  // namespace

Result<std::unique_ptr<Input>> Input::open(const std::string& file) {
    UniqueFd fd(file == "-" ? ::dup(STDIN_FILENO) : ::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return Error{"'" + file + "' cannot be read: " + std::strerror(errno) + "."};
    return std::unique_ptr<Input>(std::make_unique<Reader>(std::make_unique<RawFile>(std::move(fd))));
}

std::unique_ptr<Input> Input::of(Bytes bytes) { return std::make_unique<Reader>(std::make_unique<RawMemory>(bytes)); }

bool looks_like_capture(Bytes beginning) { return begins(beginning, kGzip) || begins(beginning, kSection); }

}  // namespace undercoat::scap
