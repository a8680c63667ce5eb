#include "store/log.h"

#include <fmt/format.h>

#include "store/internal/log_opening.h"
#include "store/internal/log_writer.h"

namespace remit::store {

struct Log::State {
  State(OpenedLog opened, std::string path, const LogOptions& options)
      : writer(std::move(opened), std::move(path), options) {}
  LogWriter writer;
};

Log::Log(std::unique_ptr<State> state) : state_(std::move(state)) {}
Log::~Log() = default;

Result<std::unique_ptr<Log>> Log::open(FileSystem& files, std::string path, Rng& rng, LogOptions options) {
  REMIT_TRY(OpenedLog opened, open_log_file(files, path, rng, options.schema));
  return std::unique_ptr<Log>(new Log(std::make_unique<State>(std::move(opened), std::move(path), options)));
}

Result<std::uint64_t> Log::append(std::string_view payload, Durability durability) {
  return state_->writer.append(payload, durability);
}

Task<Result<>> Log::wait_durable(std::uint64_t sequence) { return state_->writer.wait_durable(sequence); }

Task<Result<std::uint64_t>> Log::append_durable(std::string payload) {
  return state_->writer.append_durable(std::move(payload));
}

Result<> Log::wait_durable_blocking(std::uint64_t sequence) { return state_->writer.wait_durable_blocking(sequence); }
Result<> Log::flush() { return state_->writer.wait_durable_blocking(state_->writer.last_sequence()); }
Result<> Log::close() { return state_->writer.close(); }
std::uint64_t Log::last_sequence() const { return state_->writer.last_sequence(); }
std::uint64_t Log::durable_sequence() const { return state_->writer.durable_sequence(); }
std::uint64_t Log::cut_bytes() const { return state_->writer.cut_bytes(); }
std::optional<Error> Log::failure() const { return state_->writer.failure(); }
LogStats Log::stats() const { return state_->writer.stats(); }
const std::string& Log::path() const { return state_->writer.path(); }

}  // namespace remit::store
