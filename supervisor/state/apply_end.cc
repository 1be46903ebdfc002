// Events about processes: ends, and who inherits the orphans.
#include "supervisor/state/impl.h"

namespace undercoat::state {

using event::Event;

void State::Impl::apply_exit(Event& e) {
    if (e.origin == wire::Origin::capture && e.tid != e.pid) {  // of one thread: its process lives on
        context->thread = table.find(e.tid);
        if (context->thread != nullptr && !context->thread->is_main()) ended_tid = e.tid;
        return;
    }
    Thread* t = table.find(e.pid);
    if (t == nullptr) return;
    context->thread = t->dead ? nullptr : &t->main();
    if (t->dead) return;
    ended_pid = t->pid;
    if (e.nparams() == 5 && e.param(4).number == 0) e.set_number(4, reaper_of(t->main()));
}

// The nearest living ancestor that asked for orphans, else the one that stands for pid 1.
int64_t State::Impl::reaper_of(const Thread& main) const {
    const Thread* at = table.find(main.ppid);
    for (unsigned i = 0; at != nullptr && i < 4096; ++i) {
        if (at->child_subreaper && !at->dead) return at->pid;
        if (at->ppid == at->pid) break;
        at = table.find(at->ppid);
    }
    return options.reaper != main.pid ? options.reaper : 0;
}

void State::Impl::end_process(int64_t pid) {
    Thread* t = table.find(pid);
    if (t == nullptr) return;
    const int64_t reaper = reaper_of(t->main());
    const std::vector<int64_t> children = table.children(*t);
    for (const int64_t child : children)
        if (Thread* c = table.find(child)) table.adopt(*c, reaper);
    table.mark_dead(t->main(), now);
}

}  // namespace undercoat::state
