// Texts made of a thread's image.
#include "supervisor/state/thread.h"

namespace undercoat::state {

const FdInfo* Thread::fd(int64_t number) const {
    const auto it = main_->fds_.find(number);
    return it == main_->fds_.end() ? nullptr : &it->second;
}

std::string Thread::args_text() const {
    std::string out;
    for (const std::string& a : image->args) {
        if (&a != &image->args.front()) out.push_back(' ');
        out.append(a);
    }
    return out;
}

std::string Thread::cmdline() const {
    if (image->args.empty()) return comm;
    return comm + " " + args_text();
}

std::string Thread::exeline() const {
    if (image->args.empty()) return image->exe;
    return image->exe + " " + args_text();
}

const std::string* Thread::env(std::string_view name) const {
    for (const std::string& e : main_->image->env)
        if (e.size() > name.size() && e[name.size()] == '=' && e.compare(0, name.size(), name) == 0) return &e;
    return nullptr;
}

}  // namespace undercoat::state
