#!/bin/bash
# Checks the CEL engine from outside: the public conformance tests of cel-spec (npm package @bufbuild/cel-spec) and random expressions compared with
# cel-go. Everything fetched stays in a folder of its own outside of the repository.
#
# Usage: test/cel_oracle/run.sh [POLICY_TEST]     default: build/debug/policy_test
#   CEL_WORK    where to fetch and build (default: a temporary folder, removed at the end)
#   REMIT_SEED, REMIT_COUNT    of the random expressions
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
binary=$(realpath "${1:-$here/../../build/debug/policy_test}")
[ -x "$binary" ] || { echo "no $binary: build policy_test first, or name another"; exit 2; }
if [ -z "${CEL_WORK:-}" ]; then
  CEL_WORK=$(mktemp -d)
  trap 'rm -rf "$CEL_WORK"' EXIT
fi
mkdir -p "$CEL_WORK"

if command -v npm >/dev/null && command -v node >/dev/null; then
  (cd "$CEL_WORK" && { [ -d node_modules/@bufbuild/cel-spec ] || npm install --no-save --silent @bufbuild/cel-spec@0.6.1 >/dev/null; })
  (cd "$CEL_WORK" && cp "$here/convert_conformance.mjs" . && node convert_conformance.mjs conformance.json)
  export REMIT_CEL_CONFORMANCE="$CEL_WORK/conformance.json"
else
  echo "SKIPPED conformance tests: npm and node are missing"
fi
if command -v go >/dev/null; then
  mkdir -p "$CEL_WORK/oracle" && cp "$here"/{go.mod,go.sum,main.go} "$CEL_WORK/oracle/"
  (cd "$CEL_WORK/oracle" && go build -o oracle .)
  export REMIT_CEL_ORACLE="$CEL_WORK/oracle/oracle"
else
  echo "SKIPPED comparison with cel-go: go is missing"
fi
"$binary" --gtest_filter='CelConformance.*:CelOracle.*' --gtest_brief=1
