// syscall(): as libc's, but for calls by which a program confines itself, of which we must know before (uc_before_prctl).
//
// Calls that were interrupted while they waited for their trap are made again, as invoke.cc does.
//
// Must stay true: a leaf without a frame, like libc's, until the call has come back, so that a vfork or clone by it works as it does
// there; the instruction lies in this library's text, so that the filter traps what is to be trapped; registers are the kernel's alone.
    .text
    .globl syscall
    .type syscall, @function
syscall:
    .cfi_startproc
    cmpq $157, %rdi             // prctl
    je 2f
    cmpq $317, %rdi             // seccomp
    je 3f
1:  movq uc_libc_door(%rip), %rax
    testq %rax, %rax
    jnz 6f
    movq %rdi, %xmm0            // which the kernel keeps, as all but rax, rcx and r11
    movq %rdi, %rax
    movq %rsi, %rdi
    movq %rdx, %rsi
    movq %rcx, %rdx
    movq %r8, %r10
    movq %r9, %r8
    movq 8(%rsp), %r9
4:  syscall
    cmpq $-4095, %rax
    jae 5f
    ret
5:  cmpq $-4, %rax
    je 7f
8:  movq %rax, %rdi
    jmp uc_syscall_failed
7:  movq %xmm0, %rcx            // interrupted: the same call again, if it was held
    .irp register, rdi, rsi, rdx, r10, r8, r9, rcx
    pushq %\register
    .cfi_adjust_cfa_offset 8
    .endr
    movq %rcx, %rdi
    call uc_syscall_again
    movzbl %al, %ecx
    .irp register, rax, r9, r8, r10, rdx, rsi, rdi
    popq %\register
    .cfi_adjust_cfa_offset -8
    .endr
    movq %rax, %xmm0
    testl %ecx, %ecx
    jnz 4b
    movq $-4, %rax
    jmp 8b
6:  jmp *%rax
3:  // SECCOMP_SET_MODE_STRICT (0) and _FILTER (1) are modes 1 and 2 of PR_SET_SECCOMP
    cmpl $1, %esi
    ja 1b
2:  pushq %rdi
    .cfi_adjust_cfa_offset 8
    pushq %rsi
    .cfi_adjust_cfa_offset 8
    pushq %rdx
    .cfi_adjust_cfa_offset 8
    pushq %rcx
    .cfi_adjust_cfa_offset 8
    pushq %r8
    .cfi_adjust_cfa_offset 8
    pushq %r9
    .cfi_adjust_cfa_offset 8
    subq $8, %rsp
    .cfi_adjust_cfa_offset 8
    cmpq $157, %rdi
    movl $22, %edi
    leaq 1(%rsi), %rax
    cmoveq %rsi, %rdi
    cmoveq %rdx, %rax
    movq %rax, %rsi
    call uc_before_prctl
    addq $8, %rsp
    .cfi_adjust_cfa_offset -8
    popq %r9
    .cfi_adjust_cfa_offset -8
    popq %r8
    .cfi_adjust_cfa_offset -8
    popq %rcx
    .cfi_adjust_cfa_offset -8
    popq %rdx
    .cfi_adjust_cfa_offset -8
    popq %rsi
    .cfi_adjust_cfa_offset -8
    popq %rdi
    .cfi_adjust_cfa_offset -8
    jmp 1b
    .cfi_endproc
    .size syscall, . - syscall
    .hidden uc_syscall_failed
    .hidden uc_syscall_again
    .hidden uc_libc_door
    .hidden uc_before_prctl
    .section .note.GNU-stack, "", @progbits
