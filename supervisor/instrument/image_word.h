// The words of images (wire/local/handover.h, 5.): datagrams that nobody answers, of what they are and of what they do first.
//
// Must stay true: who speaks is the kernel's word; what it says is a claim, of which every length is checked; a flood of words takes
// only its turn of the trap process's loop. Where a kernel forgets who sent as soon as the sender has been reaped (gVisor), and only
// there, a word names its sender itself, and is believed if nobody lives under the number.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>

#include "base/unique_fd.h"
#include "wire/local/handover.h"

namespace undercoat::instrument {

struct ToldImage {
    wire::ImageWord word;
    std::string_view exe, cwd, name, argv, envp;  // envp without our additions
};
// Reads a message of an image, in which it changes the environment. The texts lie in it. False: it is no word.
bool parse_word(char* message, size_t n, ToldImage& out);

class WordSocket {
public:
    // Beside the meeting place of this path. False: there is none; images then register by 2. as others do.
    bool open(const std::string& meeting_place);
    void close();
    int descriptor() const { return socket_.get(); }
    // Who hears: a new image; a record, of an image whose parent is said to be `ppid`.
    struct Ears {
        std::function<void(pid_t pid, const ToldImage& image)> image;
        std::function<void(pid_t pid, pid_t ppid, const uint8_t* record, size_t size)> record;
    };
    // Takes what has come, kTurn words at most.
    void receive(const Ears& ears);

private:
    static constexpr unsigned kBatch = 8, kTurn = 64;
    pid_t sender(pid_t vouched, const char* message, size_t n);
    UniqueFd socket_;
    std::optional<bool> forgetful_;  // the kernel; tried when it first names nobody
    std::string path_;
    std::unique_ptr<char[]> memory_;
};

}  // namespace undercoat::instrument
