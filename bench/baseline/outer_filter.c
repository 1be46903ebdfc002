// Runs a command below a seccomp filter like Docker's: a list of denied calls and a check of the architecture, by a linear search.
//
// usage: outer_filter COMMAND [ARGUMENT...]
//
// Docker's default profile allows by a list of some 350 numbers; every call that is allowed is compared with them one after the other,
// unless the kernel's bitmap knows that the number alone decides. So it is here: the denied get EPERM. The list of what is denied
// follows the text of Docker's documentation, "Significant syscalls blocked by the default profile".
//
// Must stay true: what Undercoat needs is allowed as Docker allows it: seccomp, ptrace, process_vm_readv.
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { kHighest = 462 };

static const int kDenied[] = {
    SYS_acct,          SYS_add_key,         SYS_bpf,          SYS_clock_adjtime, SYS_clock_settime,     SYS_delete_module,
    SYS_finit_module,  SYS_init_module,     SYS_ioperm,       SYS_iopl,          SYS_kcmp,              SYS_kexec_file_load,
    SYS_kexec_load,    SYS_keyctl,          SYS_mbind,        SYS_mount,         SYS_move_pages,        SYS_get_mempolicy,
    SYS_nfsservctl,    SYS_perf_event_open, SYS_pivot_root,   SYS_quotactl,      SYS_reboot,            SYS_request_key,
    SYS_set_mempolicy, SYS_setns,           SYS_settimeofday, SYS_swapon,        SYS_swapoff,           SYS_sysfs,
    SYS__sysctl,       SYS_umount2,         SYS_unshare,      SYS_uselib,        SYS_userfaultfd,       SYS_ustat,
    SYS_query_module,  SYS_create_module,   SYS_get_kernel_syms, SYS_lookup_dcookie, SYS_open_by_handle_at, SYS_io_uring_setup,
};

static int denied(int nr) {
    for (size_t i = 0; i < sizeof kDenied / sizeof kDenied[0]; ++i)
        if (kDenied[i] == nr) return 1;
    return 0;
}

// The jumps are eight bits wide, so each comparison is followed by its own verdict.
static int install(void) {
    static struct sock_filter code[2 * kHighest + 16];
    unsigned short n = 0;
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
    code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (int nr = 0; nr <= kHighest; ++nr) {
        if (denied(nr)) continue;
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)nr, 0, 1);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
    struct sock_fprog program = {n, code};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

int main(int argc, char** argv) {
    if (argc < 2) return fprintf(stderr, "usage: outer_filter COMMAND [ARGUMENT...]\n"), 2;
    // With the right to do so no_new_privs stays away, as in a container.
    if (install() != 0 && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || install() != 0))
        return fprintf(stderr, "outer_filter: the filter was refused: %s\n", strerror(errno)), 125;
    execvp(argv[1], argv + 1);
    fprintf(stderr, "outer_filter: %s: %s\n", argv[1], strerror(errno));
    return 127;
}
