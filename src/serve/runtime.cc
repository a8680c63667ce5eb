#include "serve/runtime.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "resource/embedded_store.h"
#include "sandbox/leftovers.h"

namespace remit::serve {

Runtime::Runtime(asio::io_context& io, RuntimeOptions options, store::DataFolder folder, ledger::Authority authority)
    : io_(io),
      options_(std::move(options)),
      folder_(std::move(folder)),
      authority_(std::move(authority)),
      launcher_opened_(io, asio::steady_timer::time_point::max()) {}

Runtime::~Runtime() { file_pool_.join(); }

Result<std::unique_ptr<Runtime>> Runtime::open(asio::io_context& io, RuntimeOptions options) {
  if (options.data_folder.empty()) {
    REMIT_TRY(options.data_folder, store::DataFolder::default_path());
  }
  REMIT_TRY(auto folder, store::DataFolder::open(options.data_folder));
  REMIT_TRY(auto authority, ledger::Authority::open(folder.ledger_path()));
  std::unique_ptr<Runtime> runtime(new Runtime(io, std::move(options), std::move(folder), std::move(authority)));
  resource::EmbeddedStoreOptions store_options;
  store_options.clock = &runtime->clock_;
  store_options.rng = &runtime->rng_;
  REMIT_TRY(runtime->store_, resource::EmbeddedStore::open(runtime->folder_.resources_path(), store_options));
  return runtime;
}

Task<sandbox::HostReport> Runtime::host() {
  if (!host_) host_ = co_await sandbox::probe();
  co_return *host_;
}

Task<Result<sandbox::Launcher*>> Runtime::launcher(sandbox::Tier minimum, sandbox::LimitsMode limits) {
  const auto report = co_await host();
  REMIT_CO_TRY(const auto tier, sandbox::choose_tier(report, minimum));
  REMIT_CO_CHECK_OK(sandbox::check_limits(report, limits));
  // Runs that begin at the same time share the launcher that the first of them opens.
  while (opening_launcher_) co_await launcher_opened_.async_wait(asio::as_tuple(asio::use_awaitable));
  if (!launcher_) {
    opening_launcher_ = true;
    auto opened = co_await sandbox::open_process_launcher({options_.instance});
    opening_launcher_ = false;
    launcher_opened_.cancel();
    if (!opened) co_return fail(opened.error());
    launcher_ = std::move(*opened);
  }
  if (launcher_->tier() != tier) co_return fail(internal_error("the chosen tier has no launcher"));
  co_return launcher_.get();
}

}  // namespace remit::serve
