// Runs at build time: writes the seccomp filter of the Process tier as BPF words that the spawner includes, so that no
// sandbox pays for libseccomp.
//
// What is dangerous is refused, the rest of what this libseccomp knows is allowed, and calls newer than that do not
// exist (ENOSYS), so that a new kernel brings no new door. Calls of another architecture, i386 and x32 among them,
// kill.
#include <linux/audit.h>
#include <linux/bpf_common.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

// Calls that reach the kernel's own state, other processes or new namespaces. Most need a capability that the command
// has not; the filter holds where a kernel's own check is wrong.
constexpr const char* kRefused[] = {
    // mounts and roots
    "mount",
    "umount",
    "umount2",
    "pivot_root",
    "chroot",
    "move_mount",
    "open_tree",
    "fsopen",
    "fsconfig",
    "fsmount",
    "fspick",
    "mount_setattr",
    "quotactl",
    "quotactl_fd",
    "open_by_handle_at",
    "name_to_handle_at",
    // namespaces
    "unshare",
    "setns",
    // other processes
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "process_madvise",
    "process_mrelease",
    "pidfd_getfd",
    "kcmp",
    // programs inside the kernel, and asynchronous ways around this filter
    "bpf",
    "perf_event_open",
    "userfaultfd",
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "fanotify_init",
    "lookup_dcookie",
    // keys
    "keyctl",
    "add_key",
    "request_key",
    // the machine
    "kexec_load",
    "kexec_file_load",
    "init_module",
    "finit_module",
    "delete_module",
    "create_module",
    "query_module",
    "get_kernel_syms",
    "reboot",
    "swapon",
    "swapoff",
    "acct",
    "syslog",
    "iopl",
    "ioperm",
    "nfsservctl",
    "sysfs",
    "_sysctl",
    "ustat",
    "uselib",
    "vhangup",
    "vm86",
    "vm86old",
    "modify_ldt",
    "settimeofday",
    "stime",
    "clock_settime",
    "clock_settime64",
    "clock_adjtime",
    "clock_adjtime64",
    "adjtimex",
    "sethostname",
    "setdomainname",
    "migrate_pages",
    "move_pages",
    "vserver",
    "bdflush",
};

constexpr unsigned kNewNamespace[] = {CLONE_NEWNS,  CLONE_NEWUTS, CLONE_NEWIPC,    CLONE_NEWUSER,
                                      CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWCGROUP, 0x80 /* CLONE_NEWTIME */};

void must(int status, const char* what) {
  if (status >= 0) return;
  std::fprintf(stderr, "make_filter: %s: error %d\n", what, -status);
  std::exit(1);
}

void refuse_calls(scmp_filter_ctx filter) {
  for (const char* name : kRefused) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number < 0) continue;  // Not on this architecture.
    must(seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0), name);
  }
  // Its flags lie in memory, where a filter cannot look; the C library falls back to clone.
  must(seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0), "clone3");
  for (const unsigned flag : kNewNamespace) {
    must(seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, flag, flag)),
         "clone");
  }
  // Typing into the terminal of whoever started us. The kernel looks at the low 32 bits only.
  for (const unsigned long request : {0x5412ul /* TIOCSTI */, 0x541Cul /* TIOCLINUX */, 0x5423ul /* TIOCSETD */}) {
    must(seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
                          SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffull, request)),
         "ioctl");
  }
  must(seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(personality), 1,
                        SCMP_A0(SCMP_CMP_MASKED_EQ, 0x0400000, 0x0400000)),
       "personality");  // READ_IMPLIES_EXEC
}

// Sockets of AF_UNIX, AF_INET, AF_INET6, and route netlink, which the C library asks for the interfaces. A family is an
// int to the kernel: low numbers are compared as 32 bits, and anything in the upper half makes the number large, which
// is refused too.
void refuse_families(scmp_filter_ctx filter) {
  constexpr unsigned kFirstAbove = AF_NETLINK + 1;
  for (unsigned family = 0; family < kFirstAbove; ++family) {
    if (family == AF_UNIX || family == AF_INET || family == AF_INET6 || family == AF_NETLINK) continue;
    must(seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
                          SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffffffffull, family)),
         "socket");
  }
  must(seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_GE, kFirstAbove)),
       "socket");
  must(seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPROTONOSUPPORT), SCMP_SYS(socket), 2, SCMP_A0(SCMP_CMP_EQ, AF_NETLINK),
                        SCMP_A2(SCMP_CMP_GE, 1)),
       "netlink");
}

unsigned highest_known_call() {
  unsigned highest = 0;
  for (unsigned number = 0; number < 1024; ++number) {
    char* name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, static_cast<int>(number));
    if (name != nullptr) highest = number;
    std::free(name);
  }
  return highest;
}

std::vector<sock_filter> exported(scmp_filter_ctx filter) {
  const int fd = memfd_create("filter", 0);
  must(seccomp_export_bpf(filter, fd), "export");
  const off_t bytes = lseek(fd, 0, SEEK_END);
  std::vector<sock_filter> program(static_cast<std::size_t>(bytes) / sizeof(sock_filter));
  if (pread(fd, program.data(), static_cast<std::size_t>(bytes), 0) != bytes) must(-EIO, "read");
  close(fd);
  return program;
}

// In front of libseccomp's program: of this architecture, numbers above `highest` and below x32's bit do not exist.
std::vector<sock_filter> with_ceiling(std::vector<sock_filter> program, unsigned highest) {
#if defined(__x86_64__)
  constexpr unsigned kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
  constexpr unsigned kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "Remit's sandbox knows x86-64 and arm64."
#endif
  const sock_filter prefix[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 0, 4),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, highest, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
  };
  program.insert(program.begin(), std::begin(prefix), std::end(prefix));
  return program;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
  if (filter == nullptr) return 1;
  must(seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS), "bad architecture");
  must(seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2), "optimize");
  refuse_calls(filter);
  refuse_families(filter);
  const std::vector<sock_filter> program = with_ceiling(exported(filter), highest_known_call());
  std::FILE* out = std::fopen(argv[1], "w");
  if (out == nullptr) return 1;
  for (const sock_filter& step : program)
    std::fprintf(out, "{0x%x, %u, %u, 0x%xu},\n", step.code, step.jt, step.jf, step.k);
  return std::fclose(out) == 0 ? 0 : 1;
}
