// The usual way of the usual call: one path, the gadget or no filter at all, room in the ring.
//
// Must stay true: the same record and the same call as observed() makes; anything unusual (unknown page, long path,
// relative path under a descriptor, little room, end of the ring's lap, cancellation) goes there instead, before the
// call is made, or to emit() after it.
#include "libshim/emit.h"
#include "libshim/invoke.h"
#include "libshim/open_record.h"
#include "libshim/readable.h"

namespace undercoat::shim {
namespace {

constexpr size_t kUsualPath = 256;

uint32_t tlv_header(size_t size, wire::Tag tag, unsigned index) {
    return static_cast<uint32_t>(size | static_cast<uint32_t>(tag) << 16 | index << 24);
}

template <class T>
[[gnu::always_inline]] inline void put(uint8_t* to, T v) {
    __builtin_memcpy(to, &v, sizeof v);
}

[[gnu::always_inline]] inline void record_path(const wire::Ring& ring, const Descriptor& d, const uint64_t (&a)[6],
                                               unsigned at, const char* path, size_t n, long result) {
    const size_t size = 4 + n + 4 + d.nargs * size_t{8};
    const size_t granules = wire::granules_for(size);
    uint64_t head = __atomic_load_n(&ring.control->head, __ATOMIC_RELAXED);
    const uint64_t tail = __atomic_load_n(&ring.control->tail, __ATOMIC_ACQUIRE);
    const bool fits =
        (head & (ring.granules - 1)) + granules <= ring.granules && head + granules - tail <= ring.granules;
    const auto frame = static_cast<const char*>(__builtin_frame_address(0));
    const OpenRecord before = before_record(ring, frame);
    const auto slowly = [&] {
        const Piece piece{wire::Tag::path, static_cast<uint8_t>(at), static_cast<uint16_t>(n), path};
        emit(ring, {wire::RecordKind::call, d.call, 0, result, a, d.nargs, &piece, 1, frame});
    };
    if (!fits || !can_record(ring) || !__atomic_compare_exchange_n(&ring.control->head, &head, head + granules, false, __ATOMIC_ACQ_REL,
                                              __ATOMIC_RELAXED))
        return slowly();
    note({head, 0, static_cast<uint32_t>(granules), frame, ring.control});
    uint8_t* const memory = ring.at(head);
    __atomic_store_n(ring.stamp(head), wire::make_stamp(head, ring.granules, granules, wire::kStateReserved),
                     __ATOMIC_RELEASE);
    uint8_t* to = memory + wire::kHeaderSize;
    put(to, tlv_header(n, wire::Tag::path, at));
    to += 4;
    for (size_t i = 0; i < n; i += 8) {  // the last word's excess is overwritten by what follows
        uint64_t word;
        __builtin_memcpy(&word, path + i, 8);
        put(to + i, word);
    }
    to += n;
    put(to, tlv_header(d.nargs * size_t{8}, wire::Tag::args, 0));
    for (unsigned i = 0; i < d.nargs; i++) put(to + 4 + i * 8, a[i]);
    wire::RecordHeader h{};
    h.kind = static_cast<uint16_t>(wire::RecordKind::call);
    h.call = d.call;
    h.origin = static_cast<uint8_t>(wire::Origin::shim);
    h.flags = wire::kTimeTsc;
    h.payload = static_cast<uint16_t>(size);
    h.tid = recorded_tid();
    h.time = __builtin_ia32_rdtsc();
    h.result = result;
    if (!settle(ring, {head, static_cast<uint32_t>(granules), memory}, h, before)) [[unlikely]]
        slowly();
    if (wire::reader_waits(ring)) [[unlikely]]
        wake_reader(ring);
}

// The reader's core holds the next granules since the last lap: have them brought while the kernel works.
[[gnu::always_inline]] inline void prefetch_next(const wire::Ring& ring) {
    const uint64_t head = __atomic_load_n(&ring.control->head, __ATOMIC_RELAXED);
    asm volatile("prefetchw %0\n\tprefetchw %1" : : "m"(*ring.at(head)), "m"(*ring.at(head + 1)));
}

}  // namespace

long observed_path(Descriptor d, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3) {
    Process& p = *g_process;
    const uint64_t a[6] = {a0, a1, a2, a3};
    const bool here = d.when == wire::When::always || static_cast<int32_t>(a0) == -100;
    alignas(8) char copy[kUsualPath + 8];
    if (!here || must_stay_cancellable(d, a) || p.gadget != p.trapped || wire::nearly_full(p.ring) || !is_usual(p.ring))
        return libc_result(observed(p, d, a));
    const uint64_t address = d.path ? a1 : a0;
    const long n = copy_known_string(address, copy, kUsualPath);
    if (n < 0) return libc_result(observed(p, d, a));
    const char* path = copy + address % 8;
    const auto passed = reinterpret_cast<uint64_t>(path);
    const uint64_t k[6] = {d.path ? a0 : passed, d.path ? passed : a1, a2, a3};
    prefetch_next(p.ring);
    const long result = p.gadget ? through_gadget(d.nr, k) : trap_door(d.nr, k);
    record_path(p.ring, d, a, d.path, path, static_cast<size_t>(n), result);
    return libc_result(result);
}

}  // namespace undercoat::shim
