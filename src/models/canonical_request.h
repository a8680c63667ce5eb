// The form in which a recorded request and a real one are compared: messages as small JSON objects with fixed members,
// and a setup (model, tools by name and hash, options). Secrets and declared volatile parts are masked, so that equal
// bytes mean "the same request". Values; no shared state.
//
// What does not count: the provider's name, ids of requests, the reasoning and provider-specific blocks of assistant
// messages, white space and member order inside JSON arguments.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "core/model.h"
#include "models/secret.h"

namespace re2 {
class RE2;
}

namespace remit::models {

// One declared volatile part: a class, or a pattern (RE2 syntax) wherever it occurs in a message's text or in
// arguments.
struct Volatile {
  enum class Class : std::uint8_t { kPattern, kToolResults, kSystem, kUser, kTools, kOptions, kModel };
  Class what = Class::kPattern;
  std::string pattern;
  std::string as = "<volatile>";
  std::vector<std::string> tools;  // kToolResults only: of these tools; empty: of all.
};

json::object to_json_object(const Volatile& volatile_part);
// `place` is put in front of errors.
Result<Volatile> volatile_from_json(const json::object& object);

struct CanonicalRequest {
  json::object setup;
  std::vector<json::object> messages;
};

class Canonicalizer {
 public:
  // Fails for a pattern that RE2 does not take, or too many of them.
  static Result<Canonicalizer> make(const std::vector<Volatile>& volatiles, SecretMask secrets);

  CanonicalRequest operator()(const ModelRequest& request) const;
  // Masks a stored message again, so that a volatile part declared later counts for what was recorded before.
  json::object remask(const json::object& message) const;
  json::object remask_setup(const json::object& setup) const;
  // The answer as the assistant message that later requests will hold.
  json::object answer(const Message& message) const;
  const SecretMask& secrets() const { return secrets_; }

 private:
  std::string mask(std::string_view text) const;
  json::value mask_value(const json::value& value) const;
  bool is_volatile(Volatile::Class what) const;
  bool is_volatile_tool(std::string_view tool) const;

  std::vector<Volatile> volatiles_;
  std::vector<std::shared_ptr<const re2::RE2>> patterns_;  // One for each volatile; null for classes.
  SecretMask secrets_;
};

}  // namespace remit::models
