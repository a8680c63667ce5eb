#include "models/model_executor.h"

#include <gtest/gtest.h>

#include "models/limits.h"
#include "models/recorded_provider.h"

namespace remit::models {
namespace {

std::unique_ptr<Provider> named(asio::io_context& io, std::string name) {
  return RecordedProvider::make(io.get_executor(), std::move(name), Recording({"by test", "m", {}, {}, ""}),
                                ReplayMode::kStrict)
      .value();
}

TEST(ModelExecutor, FindsProvidersByName) {
  asio::io_context io;
  ModelExecutor executor(io.get_executor());
  EXPECT_EQ(executor.find(""), nullptr);
  ASSERT_TRUE(executor.add(named(io, "only")));
  EXPECT_NE(executor.find(""), nullptr) << "the only one needs no name";
  EXPECT_EQ(executor.find("other"), nullptr);
  ASSERT_TRUE(executor.add(named(io, "default")));
  EXPECT_EQ(executor.find("")->name(), "default");
  EXPECT_EQ(executor.find("only")->name(), "only");
  EXPECT_EQ(executor.add(named(io, "only")).error().code(), Code::kAlreadyExists);
}

TEST(ModelExecutor, ProvidersAreLimited) {
  asio::io_context io;
  ModelExecutor executor(io.get_executor());
  for (std::size_t i = 0; i < limits::kProviders; ++i) ASSERT_TRUE(executor.add(named(io, fmt::format("p{}", i))));
  EXPECT_EQ(executor.add(named(io, "one more")).error().code(), Code::kResourceExhausted);
}

}  // namespace
}  // namespace remit::models
