// What clients such as kubectl read to learn which kinds there are. Pure functions.
#pragma once

#include "base/json.h"

namespace remit::api::detail {

json::object core_versions();  // /api: none.
json::object group_list();     // /apis
json::object group();          // /apis/remit.dev
json::object resource_list();  // /apis/remit.dev/v1alpha1
json::object version_info();   // /version

}  // namespace remit::api::detail
