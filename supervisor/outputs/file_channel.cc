// See file_channel.h.
#include "supervisor/outputs/file_channel.h"

#include "supervisor/outputs/line_sink.h"

#include <cerrno>
#include <cstring>
#include <poll.h>
#include <unistd.h>

namespace undercoat::outputs {
namespace {

constexpr int kPatienceMs = 2000;

class LineChannel : public Channel {
public:
    LineChannel(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

    // What was written of a line is not written again.
    Delivery deliver(const Message& message) override {
        if (fd_ < 0) {
            auto file = open_for_lines(path_);
            if (!file) return Delivery::again(file.error());
            owned_ = std::move(*file);
            fd_ = owned_.get();
        }
        while (done_ < message.line.size()) {
            // A stream is shared with others, so it is not made non-blocking; a piece this short fits a pipe that is
            // ready.
            pollfd p{fd_, POLLOUT, 0};
            if (::poll(&p, 1, kPatienceMs) == 0) return Delivery::again("nobody reads");
            const size_t piece = std::min<size_t>(message.line.size() - done_, 4096);
            const ssize_t n = ::write(fd_, message.line.data() + done_, piece);
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) return Delivery::again(std::string("cannot write: ") + std::strerror(errno));
            done_ += static_cast<size_t>(n);
        }
        done_ = 0;
        return Delivery::taken();
    }
    void reopen() override {
        if (!owned_) return;
        owned_.reset();
        fd_ = -1;
        done_ = 0;
    }

private:
    const std::string path_;
    int fd_;
    UniqueFd owned_;
    size_t done_ = 0;  // bytes of the message at hand
};

}  // namespace

std::unique_ptr<Channel> make_file_channel(std::string path) {
    return std::make_unique<LineChannel>(std::move(path), -1);
}
std::unique_ptr<Channel> make_stream_channel(int fd) { return std::make_unique<LineChannel>("", fd); }

}  // namespace undercoat::outputs
