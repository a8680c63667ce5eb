// The bearer key of the API on TCP: a file of mode 0600 in the data folder, so that who may read the folder may use the
// API.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/rng.h"

namespace remit::api {

// Reads the key, making it first when there is none. kFailedPrecondition when others than its owner may read or change
// the file.
Result<std::string> open_key(const std::string& path, Rng& rng);
// Compares in time that does not tell how much of it was right.
bool same_key(std::string_view given, std::string_view expected);

}  // namespace remit::api
