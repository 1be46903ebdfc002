// See server_socket.h.
#include "net/server_socket.h"

namespace undercoat::net {

bool ServerSocket::send(std::shared_ptr<const std::string> message, bool binary) {
    std::lock_guard lock(mutex_);
    if (ended_ || closing_ || bytes_ + message->size() > send_limit_) return false;
    bytes_ += message->size();
    queue_.push_back({std::move(message), binary});
    wake_writer();
    return true;
}

size_t ServerSocket::waiting() const {
    std::lock_guard lock(mutex_);
    return bytes_;
}

void ServerSocket::close(uint16_t code, std::string reason) {
    std::lock_guard lock(mutex_);
    if (ended_ || closing_) return;
    closing_ = true;
    code_ = code;
    reason_ = std::move(reason);
    wake_writer();
}

void ServerSocket::end() {
    std::lock_guard lock(mutex_);
    ended_ = true;
    queue_.clear();
    wake_writer();
}

// Precondition: the lock is held.
void ServerSocket::wake_writer() {
    if (std::exchange(woken_, true)) return;
    asio::post(*io_, [self = shared_from_this()] { self->wake_.cancel(); });
}

void ServerSocket::resume() {
    asio::post(*io_, [self = shared_from_this()] {
        self->resumed_ = true;
        self->resume_.cancel();
    });
}

asio::awaitable<void> ServerSocket::read(SocketHandler& handler, size_t message_limit) {
    stream_.read_message_max(message_limit);
    beast::flat_buffer buffer(message_limit);
    for (;;) {
        co_await stream_.async_read(buffer, use_awaitable);
        resumed_ = false;
        const auto data = buffer.cdata();
        const bool go_on = handler.on_message({static_cast<const char*>(data.data()), data.size()}, stream_.got_binary());
        buffer.clear();
        if (buffer.capacity() > 64 * 1024) buffer.shrink_to_fit();
        while (!go_on && !resumed_) {
            resume_.expires_at(asio::steady_timer::time_point::max());
            beast::error_code ignored;
            co_await resume_.async_wait(asio::redirect_error(use_awaitable, ignored));
            std::lock_guard lock(mutex_);
            if (ended_) co_return;
        }
    }
}

asio::awaitable<void> ServerSocket::write() {
    co_await write_all();
    std::lock_guard lock(mutex_);
    ended_ = true;
    resume_.cancel();  // a reader that waits for resume() must end, too
}

asio::awaitable<void> ServerSocket::write_all() {
    for (;;) {
        Item item;
        bool closing = false;
        {
            std::lock_guard lock(mutex_);
            woken_ = false;
            if (ended_) co_return;
            if (!queue_.empty()) {
                item = std::move(queue_.front());
                queue_.pop_front();
            }
            closing = closing_;
        }
        beast::error_code error;
        if (item.message) {
            stream_.binary(item.binary);
            co_await stream_.async_write(asio::buffer(*item.message), asio::redirect_error(use_awaitable, error));
            std::lock_guard lock(mutex_);
            bytes_ -= item.message->size();
            if (error) co_return;
        } else if (closing) {
            const websocket::close_reason why(static_cast<websocket::close_code>(code_), reason_);
            co_await stream_.async_close(why, asio::redirect_error(use_awaitable, error));
            co_return;
        } else {
            wake_.expires_at(asio::steady_timer::time_point::max());
            {
                std::lock_guard lock(mutex_);
                if (woken_) continue;  // the wake-up is on its way, and nobody would send another
            }
            co_await wake_.async_wait(asio::redirect_error(use_awaitable, error));
        }
    }
}

}  // namespace undercoat::net
