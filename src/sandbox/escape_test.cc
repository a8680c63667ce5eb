// What a command tries against the walls. Where it makes sense the same attempt outside is shown to succeed, so that
// the test can fail.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "sandbox/testing/sandbox_fixture.h"

namespace remit::sandbox {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::Outcome;
using EscapeTest = testing::SandboxTest;

// Each line: a call by number, what errno must be. ctypes calls it, so that no tool stands between.
constexpr const char* kCalls = R"(
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
def call(name, number, *args):
    ctypes.set_errno(0)
    result = libc.syscall(number, *args)
    print(name, 'OK' if result != -1 else errno.errorcode[ctypes.get_errno()])
call('mount', 165, b'none', b'/tmp', b'tmpfs', 0, 0)
call('umount2', 166, b'/proc', 2)
call('unshare', 272, 0x10000000)
call('setns', 308, 0, 0)
call('clone_newuser', 56, 0x10000000 | 17, 0, 0, 0, 0)
call('clone3', 435, 0, 0)
call('ptrace', 101, 16, 1, 0, 0)
call('process_vm_readv', 310, 1, 0, 0, 0, 0, 0)
call('bpf', 321, 0, 0, 0)
call('perf_event_open', 298, 0, 0, 0, 0, 0)
call('io_uring_setup', 425, 1, 0)
call('userfaultfd', 323, 0)
call('keyctl', 250, 0, 0)
call('kexec_load', 246, 0, 0, 0, 0)
call('init_module', 175, 0, 0, 0)
call('pivot_root', 155, b'/', b'/')
call('chroot', 161, b'/tmp')
call('open_by_handle_at', 304, 0, 0, 0)
call('fsopen', 430, b'tmpfs', 0)
call('pidfd_getfd', 438, 0, 0, 0)
call('future_call', 600, 0)
call('af_vsock', 41, 40, 1, 0)
call('af_packet', 41, 17, 3, 0)
call('af_alg', 41, 38, 5, 0)
call('netlink_audit', 41, 16, 3, 9)
call('netlink_route', 41, 16, 3, 0)
call('raw', 41, 2, 3, 1)
call('tiocsti', 16, 0, 0x5412, b'x')
call('tiocsti_high', 16, 0, ctypes.c_ulong(0x100005412), b'x')
call('mknod', 133, b'/tmp/dev', 0o20666, 0x103)
)";

TEST_F(EscapeTest, RefusesDangerousCalls) {
  const Outcome outcome = run_spec(python(kCalls));
  for (const char* name : {"mount",
                           "umount2",
                           "unshare",
                           "setns",
                           "clone_newuser",
                           "ptrace",
                           "process_vm_readv",
                           "bpf",
                           "perf_event_open",
                           "io_uring_setup",
                           "userfaultfd",
                           "keyctl",
                           "kexec_load",
                           "init_module",
                           "pivot_root",
                           "chroot",
                           "open_by_handle_at",
                           "fsopen",
                           "pidfd_getfd",
                           "raw",
                           "tiocsti",
                           "tiocsti_high",
                           "mknod"}) {
    EXPECT_THAT(outcome.out, HasSubstr(std::string(name) + " EPERM\n")) << outcome.err;
  }
  EXPECT_THAT(outcome.out, HasSubstr("clone3 ENOSYS\n"));
  EXPECT_THAT(outcome.out, HasSubstr("future_call ENOSYS\n"));
  EXPECT_THAT(outcome.out, HasSubstr("af_vsock EAFNOSUPPORT\n"));
  EXPECT_THAT(outcome.out, HasSubstr("af_packet EAFNOSUPPORT\n"));
  EXPECT_THAT(outcome.out, HasSubstr("af_alg EAFNOSUPPORT\n"));
  EXPECT_THAT(outcome.out, HasSubstr("netlink_audit EPROTONOSUPPORT\n"));
  EXPECT_THAT(outcome.out, HasSubstr("netlink_route OK\n"));
}

TEST_F(EscapeTest, KillsCallsOfAnotherArchitecture) {
  // getpid by its x32 number.
  const Outcome outcome = run_spec(python("import ctypes\nprint(ctypes.CDLL(None).syscall(0x40000000 + 39))"));
  EXPECT_EQ(outcome.report.signal, SIGSYS) << outcome.out;
}

TEST_F(EscapeTest, HoldsNoCapabilitiesAndNoPrivileges) {
  const Outcome outcome = run_spec(shell("cat /proc/self/status; id -u; id -g"));
  for (const char* line :
       {"CapInh:\t0000000000000000", "CapPrm:\t0000000000000000", "CapEff:\t0000000000000000",
        "CapBnd:\t0000000000000000", "CapAmb:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2", "Groups:\t \n"}) {
    if (::geteuid() != 0 && std::string_view(line).starts_with("Groups")) continue;
    EXPECT_THAT(outcome.out, HasSubstr(line));
  }
  EXPECT_THAT(outcome.out, HasSubstr("\n1000\n1000\n"));
}

TEST_F(EscapeTest, IsNotHostRoot) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const Outcome outcome = run_spec(shell("cat /proc/self/uid_map"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("1000          0 "))) << outcome.out;
}

TEST_F(EscapeTest, SeesNothingOfTheHostsFiles) {
  const std::string secret = "/tmp/remit-host-secret-" + std::to_string(::getpid());
  std::ofstream(secret) << "secret";
  const Outcome outcome = run_spec(
      shell("cat " + secret + "; ls -a /root /home /tmp /var /run /mnt; ls / ; cat /etc/shadow; ls /sys /boot"));
  std::filesystem::remove(secret);
  EXPECT_THAT(outcome.out, Not(HasSubstr("secret")));
  EXPECT_THAT(outcome.err, HasSubstr("/etc/shadow: No such file"));
  EXPECT_THAT(outcome.err, HasSubstr("cannot access '/sys'"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("old_root")));
}

TEST_F(EscapeTest, CannotWriteOutsideItsFolders) {
  const Outcome outcome = run_spec(shell(
      "for f in /x /usr/x /etc/x /etc/passwd /bin/x /dev/x /work/x /proc/sys/kernel/core_pattern "
      "/proc/sysrq-trigger /proc/self/oom_score_adj /home/x; do (echo x > $f) 2>/dev/null && echo wrote $f; done; "
      "echo x > /tmp/ok && echo x > /dev/null && cat /tmp/ok"));
  EXPECT_EQ(outcome.out, "x\n") << outcome.err;
}

TEST_F(EscapeTest, MasksTheKernelsOwnFiles) {
  const Outcome outcome =
      run_spec(shell("cat /proc/kallsyms /proc/keys /proc/timer_list /proc/kcore 2>/dev/null | head -c 100 | wc -c"));
  EXPECT_EQ(outcome.out, "0\n");
}

TEST_F(EscapeTest, SeesOnlyItsOwnProcesses) {
  const Outcome outcome =
      run_spec(shell("ls /proc | grep -c '^[0-9]*$'; tr '\\0' '\\n' < /proc/1/environ; cat /proc/1/maps; kill -9 1; "
                     "kill -9 -1; echo alive"));
  EXPECT_THAT(outcome.out, ::testing::AnyOf(HasSubstr("3\n"), HasSubstr("4\n")));
  EXPECT_THAT(outcome.err, HasSubstr("/proc/1/environ: Permission denied"));
  EXPECT_THAT(outcome.err, HasSubstr("/proc/1/maps: Permission denied"));
  EXPECT_THAT(outcome.out, HasSubstr("alive"));
}

TEST_F(EscapeTest, InheritsNoDescriptors) {
  const int leak = ::open("/etc/passwd", O_RDONLY);  // On purpose without O_CLOEXEC.
  const Outcome outcome = run_spec(python("import os\nprint(sorted(int(n) for n in os.listdir('/proc/self/fd')))"));
  ::close(leak);
  EXPECT_EQ(outcome.out, "[0, 1, 2, 3]\n") << "3 is the folder being listed";
}

// Positive control: this process reaches the listener; the sandbox has only its own loopback.
TEST_F(EscapeTest, ReachesNoNetwork) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener, 8), 0);
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  const int control = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(::connect(control, reinterpret_cast<sockaddr*>(&address), size), 0);
  const Outcome outcome = run_spec(python(fmt::format(R"(
import socket
def attempt(host, port):
    s = socket.socket(); s.settimeout(2)
    try: s.connect((host, port)); print('reached', host)
    except OSError as e: print(e.strerror)
attempt('127.0.0.1', {})
attempt('169.254.169.254', 80)
attempt('1.1.1.1', 53)
try: socket.getaddrinfo('example.org', 80); print('reached resolver')
except OSError: print('no resolver')
print([name for _, name in socket.if_nameindex()])
)",
                                                      ntohs(address.sin_port))));
  ::close(control);
  ::close(listener);
  EXPECT_EQ(outcome.out, "Connection refused\nNetwork is unreachable\nNetwork is unreachable\nno resolver\n['lo']\n")
      << outcome.err;
}

TEST_F(EscapeTest, DoesNotReachANeighboursAbstractSocket) {
  const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr address{};
  address.sa_family = AF_UNIX;
  std::memcpy(address.sa_data, "\0remit-abs", 10);
  const socklen_t size = sizeof(sa_family_t) + 10;
  ASSERT_EQ(::bind(listener, &address, size), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  const Outcome outcome = run_spec(
      python("import socket\ns = socket.socket(socket.AF_UNIX)\ntry: s.connect('\\0remit-abs'); print('reached')\n"
             "except OSError as e: print(e.strerror)"));
  ::close(listener);
  EXPECT_EQ(outcome.out, "Connection refused\n");
}

TEST_F(EscapeTest, GainsNothingFromSetuidPrograms) {
  const Outcome outcome = run_spec(
      shell("for f in /usr/bin/su /usr/bin/mount /usr/bin/passwd; do [ -u $f ] && echo setuid; done; su -c id"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("uid=0")));
}

TEST_F(EscapeTest, ListsNoHostPathsInItsMounts) {
  const Outcome outcome = run_spec(shell("cat /proc/self/mounts"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("ext4 rw")));
  EXPECT_THAT(outcome.out, Not(HasSubstr("/sys/fs")));
}

}  // namespace
}  // namespace remit::sandbox
