#!/bin/bash
# Installs the Debian packages that a target of the Makefile needs, and nothing when all of them are there.
#
#   tools/setup.sh build            to build and test (also make run, make test)
#   tools/setup.sh ci               also the symbolizer, which gives the reports of sanitizers their function names
#   tools/setup.sh bench            also what the benchmarks compare with
#   tools/setup.sh format           clang-format
#   tools/setup.sh --list [SET]     print the packages and install nothing
#
# It needs root or sudo for one reason only: apt-get install. It never removes a package of yours without asking on a terminal.
# REMIT_SKIP_SETUP=1 skips it, for machines that get their packages in another way.
set -euo pipefail

build_packages=(
  clang-19 libclang-rt-19-dev mold ccache ninja-build cmake pkg-config                     # compiler, sanitizers, build
  libboost1.81-dev libboost-json1.81-dev libssl-dev libsqlite3-dev         # libraries
  libyaml-cpp-dev libre2-dev libcli11-dev libspdlog-dev libfmt-dev libseccomp-dev
  libgtest-dev libgmock-dev                                                                # tests
  python3 sqlite3                                                                          # the example's commands
)
ci_packages=(llvm-19)
bench_packages=(libbenchmark-dev bubblewrap wrk)
format_packages=(clang-format-19)
apt_options=(--no-install-recommends -o DPkg::Lock::Timeout=300)

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$@" >&2; exit 1; }

packages_of() {
  case "$1" in
    build) printf '%s\n' "${build_packages[@]}" ;;
    ci) printf '%s\n' "${build_packages[@]}" "${ci_packages[@]}" ;;
    bench) printf '%s\n' "${build_packages[@]}" "${bench_packages[@]}"
           # Any nginx will do; installing another flavour would replace the user's.
           [ -x /usr/sbin/nginx ] || printf 'nginx-light\n' ;;
    format) printf '%s\n' "${format_packages[@]}" ;;
    *) die "unknown set '$1': use build, ci, bench or format" ;;
  esac
}

# The packages among the arguments that are not installed, one a line.
missing_of() {
  local installed
  # dpkg-query fails when it knows nothing about one of them; what it prints about the others still counts.
  installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p' || true)
  comm -23 <(printf '%s\n' "$@" | sort -u) <(printf '%s\n' "$installed" | sort -u)
}

require_debian() {
  local id='' version='' name='an unknown system'
  if [ -r /etc/os-release ]; then
    # shellcheck disable=SC1091
    id=$(. /etc/os-release; echo "${ID:-}") version=$(. /etc/os-release; echo "${VERSION_ID:-}") name=$(. /etc/os-release; echo "${PRETTY_NAME:-}")
  fi
  if [ "$id" != debian ] || ! command -v apt-get >/dev/null; then
    die "this is $name; the packages below are known for Debian 12 only." \
        "Install their equivalents and run again with REMIT_SKIP_SETUP=1, or use a Debian 12 container. They are:" "$*"
  fi
  [ "$version" = 12 ] || say "this is $name; Remit is tested on Debian 12, so a package may be missing or of another version"
}

# Sets `as_root` to the words that run a command as root.
find_root() {
  as_root=()
  [ "$(id -u)" = 0 ] && return
  local advice="as root, run: apt-get install ${apt_options[0]} $*"
  command -v sudo >/dev/null || die "installing packages needs root, and there is no sudo here." "$advice"
  if ! sudo -n true 2>/dev/null; then
    [ -t 0 ] || die "installing packages needs root, and sudo would ask for a password, for which there is no terminal." "$advice"
    say "sudo may ask for your password now; it is used for apt-get only"
  fi
  as_root=(sudo)
}

# Prints what `apt-get install` would remove.
removals_of() {
  local plan
  if ! plan=$(LC_ALL=C apt-get install -s "${apt_options[@]}" "$@" 2>&1); then
    printf '%s\n' "$plan" | grep -E '^(E:|  )' >&2 || true
    die "apt cannot install these packages together; its reasons stand above." \
        "Are the sources 'bookworm main' and 'bookworm-security main' enabled in /etc/apt?"
  fi
  printf '%s\n' "$plan" | sed -n 's/^Remv \([^ ]*\).*/\1/p'
}

# Sets `remove_option`; ends the program unless removing is agreed to.
agree_on_removals() {
  local removals answer
  removals=$(removals_of "$@")
  remove_option=(--no-remove)
  [ -n "$removals" ] || return 0
  say "these packages of yours cannot stay beside the new ones and would be REMOVED:"
  # One package a word.
  # shellcheck disable=SC2086
  printf '         %s\n' $removals
  local advice=("Nothing was changed. Either agree on a terminal, or decide for yourself with:"
                "  sudo apt-get install ${apt_options[0]} $*"
                "or build in a Debian 12 container, which leaves this machine as it is.")
  { [ -t 0 ] && [ -t 1 ]; } || die "there is no terminal to ask on, so they stay." "${advice[@]}"
  read -r -p "setup: remove them? [y/N] " answer
  [[ $answer == [yY]* ]] || die "they stay." "${advice[@]}"
  remove_option=()
}

install_packages() {
  local progress=() nginx_was_there=no
  [ -t 1 ] && progress=(-o Dpkg::Progress-Fancy=1)
  [ -x /usr/sbin/nginx ] && nginx_was_there=yes
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y "${apt_options[@]}" "${remove_option[@]}" "${progress[@]}" "$@"
  if [ $nginx_was_there = no ] && [ -x /usr/sbin/nginx ] && [ -d /run/systemd/system ]; then
    say "stopping the nginx service that its package has started: benchmarks start their own"
    "${as_root[@]}" systemctl disable --now nginx
  fi
}

main() {
  local list=no set missing
  [ "${1:-}" = --list ] && { list=yes; shift; }
  set=${1:-build}
  mapfile -t packages < <(packages_of "$set")
  [ "${#packages[@]}" -gt 0 ] || exit 1
  if [ $list = yes ]; then printf '%s\n' "${packages[@]}"; exit 0; fi
  [ "${REMIT_SKIP_SETUP:-}" = 1 ] && exit 0
  command -v dpkg-query >/dev/null || require_debian "${packages[@]}"
  mapfile -t missing < <(missing_of "${packages[@]}")
  [ "${#missing[@]}" -gt 0 ] || exit 0

  require_debian "${missing[@]}"
  say "${#missing[@]} of ${#packages[@]} Debian packages needed for '$set' are missing:"
  printf '%s\n' "${missing[@]}" | paste -sd' ' | fold -s -w 100 | sed 's/^/         /'
  say "they come from your own Debian sources; nothing else on this machine is changed (reasons: docs/dependencies.md)"
  find_root "${missing[@]}"
  say "apt-get update"
  "${as_root[@]}" apt-get update -q || say "apt-get update had problems; trying with the lists that are here"
  agree_on_removals "${missing[@]}"
  say "apt-get install"
  install_packages "${missing[@]}"
  mapfile -t missing < <(missing_of "${packages[@]}")
  [ "${#missing[@]}" = 0 ] || die "still missing after the installation: ${missing[*]}"
  say "done"
}

main "$@"
