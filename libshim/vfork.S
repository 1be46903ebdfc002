// vfork: a child that borrows its parent's memory and stack until it execs or exits.
//
// Must stay true: the return address travels in a register, because the child returns first and overwrites its place on the
// stack; the thread-local mark is set in the child, and in the parent put back to what it was (a vfork child may vfork).
    .text
    .globl vfork
    .type vfork, @function
vfork:
    .cfi_startproc
    cmpq $0, uc_libc_vfork(%rip)
    jne 2f
    popq %rdx
    .cfi_adjust_cfa_offset -8
    .cfi_register %rip, %rdx
    movq t_in_vfork_child@gottpoff(%rip), %r8
    movl %fs:(%r8), %r9d
    movl $58, %eax
    syscall
    pushq %rdx
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %rip, 0
    testl %eax, %eax
    jz 1f
    movl %r9d, %fs:(%r8)
    movq %rax, %rdi
    jmp uc_after_vfork
1:  orl $1, %fs:(%r8)
    ret
2:  jmp *uc_libc_vfork(%rip)
    .cfi_endproc
    .size vfork, . - vfork
    .hidden uc_after_vfork
    .hidden uc_libc_vfork
    .section .note.GNU-stack, "", @progbits
