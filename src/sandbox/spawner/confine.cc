#include "sandbox/spawner/confine.h"

#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>

#include "sandbox/spawner/user_map.h"

namespace remit::spawner {

namespace {

constexpr sock_filter kFilter[] = {
#include "seccomp_filter.inc"
};

bool drop_capabilities() {
  for (int capability = 0; capability < 64; ++capability) {
    // EINVAL: past the last one that this kernel knows. EPERM: a security module forbids even this; no_new_privs makes
    // the set moot.
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) break;
  }
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  ::prctl(PR_SET_SECUREBITS,
          SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED |
              SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED,
          0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2] = {};
  return ::syscall(SYS_capset, &header, none) == 0;
}

}  // namespace

Status take_identity(bool may_choose, std::uint32_t uid, std::uint32_t gid, int host_proc) {
  if (may_choose) {
    if (::setgroups(0, nullptr) != 0 || ::syscall(SYS_setresgid, gid, gid, gid) != 0 ||
        ::syscall(SYS_setresuid, uid, uid, uid) != 0) {
      return failed(Stage::kIdentity);
    }
  }
  // Changing ids made our own files in /proc root's.
  ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  if (::unshare(CLONE_NEWUSER) != 0) return failed(Stage::kIdentity);
  const int error = map_self(host_proc, "self", kInsideUid, may_choose ? uid : 0, kInsideGid, may_choose ? gid : 0);
  return error == 0 ? kOk : Status{Stage::kIdentity, error};
}

Status give_up_privileges() {
  if (!drop_capabilities()) return failed(Stage::kIdentity);
  // Neither readable nor traceable from inside, though it has the same user id.
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failed(Stage::kSeccomp);
  const sock_fprog program{sizeof(kFilter) / sizeof(kFilter[0]), const_cast<sock_filter*>(kFilter)};
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) return failed(Stage::kSeccomp);
  return kOk;
}

}  // namespace remit::spawner
