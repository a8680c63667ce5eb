// HttpStore against an ApiServer over an EmbeddedStore must keep every promise of resource::Store.
#include "api/http_store.h"

#include "api/testing/api_bed.h"
#include "resource/store_conformance.h"

namespace remit::api {
namespace {

class HttpHarness final : public resource::StoreHarness {
 public:
  resource::Store& store() override { return store_; }
  asio::io_context& context() override { return bed_.context(); }
  std::int64_t event_history() const override { return ApiBed::kShortHistory; }
  // What fits into the buffers of the connection.
  std::size_t events_on_their_way() const override { return 1500; }

 private:
  ApiBed bed_;
  HttpStore store_{bed_.context().get_executor(), {.unix_socket = bed_.folder().socket_path()}};
};

}  // namespace
}  // namespace remit::api

namespace remit::resource {
INSTANTIATE_TEST_SUITE_P(Http, StoreConformance,
                         testing::Values(StoreHarnessFactory{"http",
                                                             [] { return std::make_unique<api::HttpHarness>(); }}));
}  // namespace remit::resource
