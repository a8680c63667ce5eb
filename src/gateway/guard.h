// Guard: who may speak to a front door: whoever holds the run's key, and no web page of a stranger. Immutable; any
// thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/rng.h"
#include "http/header_table.h"

namespace remit::gateway {

// A fresh key for a run: "rk-" and 256 random bits. `rng` must be fit for keys.
std::string make_run_key(Rng& rng);

class Guard {
 public:
  // With an empty key nobody is let in.
  explicit Guard(std::string_view key);

  // kUnauthenticated for a missing or wrong key, kPermissionDenied for a browser's request from another site. The key
  // comes as "Authorization: Bearer …" or as "x-api-key"; the time of the comparison does not depend on it.
  Result<> admit(const http::HeaderTable& headers) const;

 private:
  bool matches(std::string_view key) const;

  std::string digest_;  // SHA-256 of the key; "" admits nobody.
};

// Whether an Origin header names this machine (RFC 6454; the MCP specification asks for this against DNS rebinding).
bool is_local_origin(std::string_view origin);

}  // namespace remit::gateway
