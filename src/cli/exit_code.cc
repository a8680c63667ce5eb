#include "cli/exit_code.h"

#include <cstdio>
#include <string>

#include "base/strings.h"

namespace remit::cli {

namespace {
constexpr std::size_t kReportBytes = 4000;
}

ExitCode exit_code_of(const Error& error) {
  switch (error.code()) {
    case Code::kInvalidArgument: return kUsage;
    case Code::kNotFound: return kNotFound;
    case Code::kDeadlineExceeded: return kTimedOut;
    case Code::kAlreadyExists:
    case Code::kPermissionDenied:
    case Code::kUnauthenticated:
    case Code::kFailedPrecondition:
    case Code::kConflict:
    case Code::kUnavailable:
    case Code::kOutOfRange:
    case Code::kUnimplemented: return kRefused;
    case Code::kCancelled: return kStopped;
    case Code::kResourceExhausted:
    case Code::kDataLoss:
    case Code::kInternal: return kInternal;
  }
  return kInternal;
}

int report(const Error& error) {
  const std::string text = error.to_string();
  // Errors quote what they were given: it must neither steer the terminal nor fill it.
  std::string shown;
  for (const auto line : split(std::string_view(text).substr(0, kReportBytes), '\n'))
    shown += (shown.empty() ? "" : "\n") + printable(line);
  std::fprintf(stderr, "remit: %s%s\n", shown.c_str(), text.size() > kReportBytes ? "…" : "");
  return exit_code_of(error);
}

}  // namespace remit::cli
