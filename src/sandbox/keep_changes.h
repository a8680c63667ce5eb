// What becomes of the files that a finished command changed in its layer: each path is judged as a file action of its
// own, what is permitted is merged into the run's files, the rest is dropped and reported.
//
// Order for crash safety: judged → Executed is durable → merge. A resume redoes the merge from the Executed record.
// Call it when every process of the sandbox is dead. One shard's thread; file work is done on the pool.
#pragma once

#include <memory>

#include <boost/asio/thread_pool.hpp>

#include "core/governor.h"
#include "sandbox/layer.h"

namespace remit::sandbox {

inline constexpr std::size_t kNamedDrops = 10;  // Dropped paths that the outcome's text names; the rest is counted.

// `outcome` with its changes and, in its text, what was not kept and why; the layer is gone afterwards. When the
// changes cannot be listed, recorded or merged, the outcome is not ok and says so. The references must outlive the
// task.
Task<Outcome> keep_changes(Governor& governor, asio::thread_pool& file_pool, CallContext context, std::uint32_t attempt,
                           std::shared_ptr<Layer> layer, Outcome outcome);

// Throws the layer away.
Task<> drop_changes(asio::thread_pool& file_pool, std::shared_ptr<Layer> layer);

}  // namespace remit::sandbox
