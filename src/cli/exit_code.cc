#include "cli/exit_code.h"

#include <cstdio>

namespace remit::cli {

ExitCode exit_code_of(const Error& error) {
  switch (error.code()) {
    case Code::kInvalidArgument: return kUsage;
    case Code::kNotFound: return kNotFound;
    case Code::kDeadlineExceeded: return kTimedOut;
    case Code::kAlreadyExists: case Code::kPermissionDenied: case Code::kUnauthenticated: case Code::kFailedPrecondition: case Code::kConflict:
    case Code::kUnavailable: case Code::kOutOfRange: case Code::kUnimplemented: return kRefused;
    case Code::kCancelled: return kStopped;
    case Code::kResourceExhausted: case Code::kDataLoss: case Code::kInternal: return kInternal;
  }
  return kInternal;
}

int report(const Error& error) {
  std::fprintf(stderr, "remit: %s\n", error.to_string().c_str());
  return exit_code_of(error);
}

}  // namespace remit::cli
