// Error: why something did not happen, in words a user can act on. Immutable and cheap to copy; safe to share between
// threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace remit {

// The codes are those of gRPC, whose meanings the field knows.
enum class Code : std::uint8_t {
  kCancelled,
  kInvalidArgument,  // The caller must change the input.
  kDeadlineExceeded,
  kNotFound,
  kAlreadyExists,
  kPermissionDenied,
  kUnauthenticated,
  kResourceExhausted,   // A named limit was hit; the message names it.
  kFailedPrecondition,  // The system must change first.
  kConflict,            // The object changed since it was read.
  kOutOfRange,
  kUnimplemented,
  kUnavailable,  // Trying again later may help.
  kDataLoss,
  kInternal,  // A bug of ours.
};

std::string_view to_string(Code code);

class [[nodiscard]] Error {
 public:
  Error(Code code, std::string message);
  Error(Code code, std::string message, Error cause);

  Code code() const { return code_; }
  const std::string& message() const { return message_; }
  const Error* cause() const { return cause_.get(); }

  // "message: cause's message: …", for people.
  std::string to_string() const;

  // This error with `context` in front; the code stays.
  Error wrap(std::string context) const;

 private:
  Code code_;
  std::string message_;
  std::shared_ptr<const Error> cause_;
};

// The error of a failed system call: "open /x: No such file or directory". The code follows errno.
Error errno_error(std::string_view what, int error_number);

inline Error invalid_argument(std::string message) { return {Code::kInvalidArgument, std::move(message)}; }
inline Error not_found(std::string message) { return {Code::kNotFound, std::move(message)}; }
inline Error internal_error(std::string message) { return {Code::kInternal, std::move(message)}; }

}  // namespace remit
