// What the tests of this module share: an ApiServer in front of an EmbeddedStore in a folder of its own, all on one
// context.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <filesystem>

#include "api/api_server.h"
#include "api/http_store.h"
#include "base/file.h"
#include "resource/embedded_store.h"

namespace remit::api {

class ApiBed {
 public:
  static constexpr std::int64_t kShortHistory = 400;

  explicit ApiBed(ApiOptions options = {}) {
    std::string name = (std::filesystem::temp_directory_path() / "remit-api-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
    folder_.emplace(store::DataFolder::open(path_).value());
    store_ = resource::EmbeddedStore::open(folder_->resources_path(),
                                           {.clock = &clock_, .rng = &rng_, .event_history = kShortHistory})
                 .value();
    server_ = std::make_unique<ApiServer>(ApiParts{context_.get_executor(), *store_, clock_, *folder_, files_, pool_},
                                          std::move(options));
    const auto listening = server_->listen_unix(folder_->socket_path());
    EXPECT_TRUE(listening) << listening.error().to_string();
  }
  ~ApiBed() {
    bool done = false;
    asio::co_spawn(context_, server_->shutdown(std::chrono::milliseconds(200)),
                   [&](std::exception_ptr) { done = true; });
    context_.restart();
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!done && std::chrono::steady_clock::now() < end) context_.run_one_for(std::chrono::milliseconds(50));
    EXPECT_TRUE(done) << "the server did not shut down";
    server_.reset(), store_.reset();
    pool_.join();
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  asio::io_context& context() { return context_; }
  resource::EmbeddedStore& embedded() { return *store_; }
  ApiServer& server() { return *server_; }
  const store::DataFolder& folder() const { return *folder_; }
  SystemClock& clock() { return clock_; }
  SystemRng& rng() { return rng_; }
  store::PosixFileSystem& files() { return files_; }

 private:
  std::string path_;
  SystemClock clock_;
  SystemRng rng_;
  store::PosixFileSystem files_;
  asio::io_context context_{1};
  asio::thread_pool pool_{1};
  std::optional<store::DataFolder> folder_;
  std::unique_ptr<resource::EmbeddedStore> store_;
  std::unique_ptr<ApiServer> server_;
};

}  // namespace remit::api
