#include "base/error.h"

#include <cerrno>
#include <system_error>

namespace remit {

std::string_view to_string(Code code) {
  switch (code) {
    case Code::kCancelled: return "Cancelled";
    case Code::kInvalidArgument: return "InvalidArgument";
    case Code::kDeadlineExceeded: return "DeadlineExceeded";
    case Code::kNotFound: return "NotFound";
    case Code::kAlreadyExists: return "AlreadyExists";
    case Code::kPermissionDenied: return "PermissionDenied";
    case Code::kUnauthenticated: return "Unauthenticated";
    case Code::kResourceExhausted: return "ResourceExhausted";
    case Code::kFailedPrecondition: return "FailedPrecondition";
    case Code::kConflict: return "Conflict";
    case Code::kOutOfRange: return "OutOfRange";
    case Code::kUnimplemented: return "Unimplemented";
    case Code::kUnavailable: return "Unavailable";
    case Code::kDataLoss: return "DataLoss";
    case Code::kInternal: return "Internal";
  }
  return "Unknown";
}

Error::Error(Code code, std::string message) : code_(code), message_(std::move(message)) {}

Error::Error(Code code, std::string message, Error cause)
    : code_(code), message_(std::move(message)), cause_(std::make_shared<const Error>(std::move(cause))) {}

std::string Error::to_string() const { return cause_ ? message_ + ": " + cause_->to_string() : message_; }

Error Error::wrap(std::string context) const { return {code_, std::move(context), *this}; }

static Code code_of_errno(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
    case ESRCH: return Code::kNotFound;
    case EEXIST: return Code::kAlreadyExists;
    case EACCES:
    case EPERM:
    case EROFS: return Code::kPermissionDenied;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EFBIG: return Code::kResourceExhausted;
    case EAGAIN:
    case EBUSY:
    case ECONNREFUSED:
    case ECONNRESET:
    case EPIPE: return Code::kUnavailable;
    case EINVAL:
    case ENAMETOOLONG:
    case ELOOP:
    case EISDIR: return Code::kInvalidArgument;
    case ETIMEDOUT: return Code::kDeadlineExceeded;
    case ENOSYS:
    case EOPNOTSUPP: return Code::kUnimplemented;
    default: return Code::kInternal;
  }
}

Error errno_error(std::string_view what, int error_number) {
  return {code_of_errno(error_number), std::string(what) + ": " + std::generic_category().message(error_number)};
}

}  // namespace remit
