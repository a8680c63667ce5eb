#include "api/api_server.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "api/key_file.h"
#include "api/testing/api_bed.h"
#include "http/client.h"
#include "http/url.h"
#include "store/log.h"

namespace remit::api {
namespace {

constexpr std::string_view kBudgets = "/apis/remit.dev/v1alpha1/namespaces/default/budgets";

struct Got {
  int status = 0;
  json::object body;
  http::HeaderTable headers;
  std::string_view reason() const { return get_string(body, "reason"); }
};

class ApiServerTest : public testing::Test {
 protected:
  virtual ApiOptions options() { return {}; }
  void SetUp() override {
    bed_.emplace(options());
    client_.emplace(bed_->context().get_executor());
  }
  void TearDown() override {
    client_.reset();
    bed_.reset();
  }

  template <typename T>
  T run(Task<T> task) {
    std::optional<T> out;
    asio::co_spawn(bed_->context(), std::move(task), [&](std::exception_ptr error, T result) {
      EXPECT_FALSE(error);
      out.emplace(std::move(result));
    });
    bed_->context().restart();
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!out && std::chrono::steady_clock::now() < end) bed_->context().run_one_for(std::chrono::milliseconds(50));
    if (!out) {
      ADD_FAILURE() << "the call did not end";
      std::abort();
    }
    return std::move(*out);
  }

  http::Request request(std::string_view method, std::string_view target, std::string body = "",
                        std::string_view type = "") {
    http::Request out;
    out.method = method, out.url = fmt::format("http://localhost{}", target),
    out.unix_socket = bed_->folder().socket_path();
    out.body = std::move(body);
    if (!type.empty()) out.headers.set("Content-Type", type);
    return out;
  }
  Got send(http::Request request) {
    const auto response = run(client_->fetch(std::move(request)));
    EXPECT_TRUE(response) << response.error().to_string();
    if (!response) return {};
    auto body = parse_json_object(response->body);
    return {response->status, body ? std::move(*body) : json::object(), response->headers};
  }
  Got call(std::string_view method, std::string_view target, std::string body = "",
           std::string_view type = "application/json") {
    return send(request(method, target, std::move(body), type));
  }
  std::unique_ptr<http::ResponseStream> open(std::string_view target) {
    http::CallOptions patient;
    patient.total = Duration(0), patient.idle = Duration(0);
    auto opened = run(client_->open(request("GET", target), patient));
    EXPECT_TRUE(opened);
    return std::move(*opened);
  }
  // The next `count` lines of a stream, fewer when it ends.
  std::vector<json::object> lines(http::ResponseStream& stream, std::size_t count, std::string& rest) {
    std::vector<json::object> out;
    while (out.size() < count) {
      if (const auto end = rest.find('\n'); end != std::string::npos) {
        out.push_back(parse_json_object(rest.substr(0, end)).value());
        rest.erase(0, end + 1);
        continue;
      }
      auto piece = run(stream.read_some());
      if (!piece || !*piece) break;
      rest += **piece;
    }
    return out;
  }
  static std::string budget(std::string_view name, std::string_view more = "") {
    return fmt::format(
        R"({{"apiVersion":"remit.dev/v1alpha1","kind":"Budget","metadata":{{"name":"{}"{}}},"spec":{{"costUSD":"5"}}}})",
        name, more);
  }
  std::string version_of(std::string_view name) {
    const auto got = call("GET", fmt::format("{}/{}", kBudgets, name));
    return std::string(get_string(*find_object(got.body, "metadata"), "resourceVersion"));
  }

  std::optional<ApiBed> bed_;
  std::optional<http::Client> client_;
};

TEST_F(ApiServerTest, CreatesReadsReplacesAndDeletes) {
  const auto made = call("POST", kBudgets, budget("a"));
  EXPECT_EQ(made.status, 201);
  const auto read = call("GET", std::string(kBudgets) + "/a");
  EXPECT_EQ(read.status, 200);
  EXPECT_EQ(read.body, made.body);
  json::object changed = read.body;
  changed["spec"].as_object()["costUSD"] = "6";
  EXPECT_EQ(call("PUT", std::string(kBudgets) + "/a", to_json(changed)).status, 200);
  const auto stale = call("PUT", std::string(kBudgets) + "/a", to_json(changed));
  EXPECT_EQ(stale.status, 409);
  EXPECT_EQ(stale.reason(), "Conflict");
  EXPECT_EQ(call("DELETE", std::string(kBudgets) + "/a").status, 200);
  const auto gone = call("GET", std::string(kBudgets) + "/a");
  EXPECT_EQ(gone.status, 404);
}

TEST_F(ApiServerTest, ErrorsAreStatusObjects) {
  const auto got = call("GET", std::string(kBudgets) + "/none");
  EXPECT_EQ(got.headers.get("content-type"), "application/json");
  EXPECT_EQ(get_string(got.body, "kind"), "Status");
  EXPECT_EQ(get_string(got.body, "apiVersion"), "v1");
  EXPECT_EQ(get_string(got.body, "status"), "Failure");
  EXPECT_EQ(got.reason(), "NotFound");
  EXPECT_EQ(get_int(got.body, "code"), 404);
  const auto* details = find_object(got.body, "details");
  ASSERT_TRUE(details);
  EXPECT_EQ(get_string(*details, "name"), "none");
  EXPECT_EQ(get_string(*details, "group"), "remit.dev");
  EXPECT_EQ(get_string(*details, "kind"), "budgets");
}

TEST_F(ApiServerTest, RefusalsHaveTheirCodes) {
  ASSERT_EQ(call("POST", kBudgets, budget("a")).status, 201);
  struct Case {
    std::string method, target, body, type;
    int status;
    std::string reason;
  };
  const std::string a = budget("a"), other_ns = budget("b", R"(,"namespace":"x")"), versionless = budget("a"),
                    bad_name = budget("B_");
  const std::string collection(kBudgets), object = collection + "/a", cluster = "/apis/remit.dev/v1alpha1/budgets";
  const Case cases[] = {
      {"POST", collection.c_str(), a.c_str(), "application/json", 409, "AlreadyExists"},
      {"POST", collection.c_str(), bad_name.c_str(), "application/json", 422, "Invalid"},
      {"POST", collection.c_str(), other_ns.c_str(), "application/json", 400, "BadRequest"},
      {"POST", collection.c_str(), "{", "application/json", 400, "BadRequest"},
      {"POST", collection.c_str(), "", "application/json", 400, "BadRequest"},
      {"POST", collection.c_str(), "[]", "application/json", 400, "BadRequest"},
      {"POST", collection.c_str(), R"({"kind":"Budget","kind":"Budget"})", "application/json", 400, "BadRequest"},
      {"POST", collection.c_str(), R"({"apiVersion":"v1","kind":"Pod"})", "application/json", 400, "BadRequest"},
      {"POST", collection.c_str(), R"({"apiVersion":"remit.dev/v1alpha1","kind":"Budget","metadata":5})",
       "application/json", 400, "BadRequest"},
      {"POST", collection.c_str(), "x", "application/x-protobuf", 415, "UnsupportedMediaType"},
      {"POST", cluster.c_str(), a.c_str(), "application/json", 400, "BadRequest"},
      {"PUT", object.c_str(), versionless.c_str(), "application/json", 422, "Invalid"},
      {"PUT", (collection + "/z").c_str(), a.c_str(), "application/json", 400, "BadRequest"},
      {"PATCH", object.c_str(), "{}", "application/json-patch+json", 415, "UnsupportedMediaType"},
      {"PATCH", object.c_str(), "[]", "application/merge-patch+json", 400, "BadRequest"},
      {"PATCH", object.c_str(), R"({"spec":{"quux":1}})", "application/merge-patch+json", 422, "Invalid"},
      {"PATCH", (collection + "/z").c_str(), "{}", "application/merge-patch+json", 404, "NotFound"},
      {"DELETE", object.c_str(), R"({"preconditions":{"uid":"other"}})", "application/json", 409, "Conflict"},
      {"DELETE", object.c_str(), R"({"dryRun":["All"]})", "application/json", 400, "BadRequest"},
      {"DELETE", collection.c_str(), "", "", 405, "MethodNotAllowed"},
      {"DELETE", (object + "/status").c_str(), "", "", 405, "MethodNotAllowed"},
      {"POST", "/version", "", "", 405, "MethodNotAllowed"},
      {"GET", "/apis/remit.dev/v1alpha1/namespaces/default/unknowns", "", "", 404, "NotFound"},
      {"GET", "/apis/remit.dev/v1alpha1/namespaces/a%2fb/budgets", "", "", 400, "BadRequest"},
      {"GET", (collection + "?limit=x").c_str(), "", "", 400, "BadRequest"},
      {"GET", (collection + "?continue=nonsense").c_str(), "", "", 0, ""},
      {"GET", (object + "?dryRun=All").c_str(), "", "", 400, "BadRequest"},
  };
  for (const auto& each : cases) {
    const auto got = call(each.method, each.target, each.body, each.type);
    SCOPED_TRACE(fmt::format("{} {} {}: {}", each.method, each.target, each.body, to_json(got.body)));
    if (each.status == 0) {
      EXPECT_GE(got.status, 400);
      EXPECT_LT(got.status, 500);
      continue;
    }
    EXPECT_EQ(got.status, each.status);
    EXPECT_EQ(got.reason(), each.reason);
    EXPECT_EQ(get_int(got.body, "code"), each.status);
  }
  EXPECT_EQ(call("DELETE", kBudgets, "", "").headers.get("allow"), "GET, POST");
}

TEST_F(ApiServerTest, TakesYaml) {
  const auto made = call("POST", kBudgets,
                         "apiVersion: remit.dev/v1alpha1\nkind: Budget\nmetadata: {name: y}\nspec: {costUSD: \"5\"}\n",
                         "application/yaml");
  EXPECT_EQ(made.status, 201) << to_json(made.body);
}

TEST_F(ApiServerTest, RefusesABodyOverItsLimit) {
  const auto got = call("POST", kBudgets, std::string(kRequestBytes + 1, ' '));
  EXPECT_EQ(got.status, 413);
  EXPECT_EQ(got.reason(), "RequestEntityTooLarge");
}

TEST_F(ApiServerTest, StatusIsASubresource) {
  call("POST", kBudgets, budget("a"));
  const auto patched =
      call("PATCH", std::string(kBudgets) + "/a/status", R"({"spec":{"costUSD":"9"},"status":{"spent":{"tokens":4}}})",
           "application/merge-patch+json");
  EXPECT_EQ(patched.status, 200) << to_json(patched.body);
  EXPECT_EQ(get_string(*find_object(patched.body, "spec"), "costUSD"), "5");
  EXPECT_TRUE(find_object(patched.body, "status"));
  EXPECT_EQ(call("GET", std::string(kBudgets) + "/a/status").status, 200);
}

TEST_F(ApiServerTest, ListsOneNamespaceOrAllInPages) {
  for (const auto* name : {"a", "b", "c"})
    call("POST", kBudgets, budget(name, name[0] == 'b' ? R"(,"labels":{"team":"x"})" : ""));
  call("POST", "/apis/remit.dev/v1alpha1/namespaces/other/budgets", budget("d"));
  const auto first = call("GET", std::string(kBudgets) + "?limit=2");
  EXPECT_EQ(get_string(first.body, "kind"), "BudgetList");
  EXPECT_EQ(find_array(first.body, "items")->size(), 2u);
  const std::string token(get_string(*find_object(first.body, "metadata"), "continue"));
  ASSERT_FALSE(token.empty());
  const auto second = call("GET", fmt::format("{}?limit=2&continue={}", kBudgets, http::percent_encode(token)));
  EXPECT_EQ(find_array(second.body, "items")->size(), 1u);
  EXPECT_EQ(find_array(call("GET", "/apis/remit.dev/v1alpha1/budgets").body, "items")->size(), 4u);
  EXPECT_EQ(find_array(call("GET", "/apis/remit.dev/v1alpha1/budgets?labelSelector=team%3Dx").body, "items")->size(),
            1u);
  EXPECT_EQ(
      find_array(call("GET", "/apis/remit.dev/v1alpha1/budgets?fieldSelector=metadata.name%3Dd").body, "items")->size(),
      1u);
  EXPECT_EQ(
      find_array(call("GET", "/apis/remit.dev/v1alpha1/budgets?fieldSelector=metadata.namespace%3Dother").body, "items")
          ->size(),
      1u);
}

TEST_F(ApiServerTest, WatchesAsJsonLines) {
  call("POST", kBudgets, budget("a"));
  const auto stream = open(fmt::format("{}?watch=1&resourceVersion={}", kBudgets, version_of("a")));
  EXPECT_EQ(stream->status(), 200);
  call("POST", kBudgets, budget("b"));
  call("DELETE", std::string(kBudgets) + "/a");
  std::string rest;
  const auto events = lines(*stream, 2, rest);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(get_string(events[0], "type"), "ADDED");
  EXPECT_EQ(get_string(events[1], "type"), "DELETED");
  EXPECT_EQ(get_string(*find_object(*find_object(events[1], "object"), "metadata"), "name"), "a");
}

TEST_F(ApiServerTest, BookmarksComeWhenAskedFor) {
  call("POST", kBudgets, budget("a"));
  std::string rest;
  const auto with = open(std::string(kBudgets) + "?watch=1&allowWatchBookmarks=true");
  const auto events = lines(*with, 2, rest);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(get_string(events[1], "type"), "BOOKMARK");
  EXPECT_FALSE(get_string(*find_object(*find_object(events[1], "object"), "metadata"), "resourceVersion").empty());
  const auto without = open(std::string(kBudgets) + "?watch=1");
  call("POST", kBudgets, budget("b"));
  rest.clear();
  const auto plain = lines(*without, 2, rest);
  ASSERT_EQ(plain.size(), 2u);
  EXPECT_EQ(get_string(plain[1], "type"), "ADDED");
}

TEST_F(ApiServerTest, AWatchEndsInOrderAfterItsTime) {
  const auto stream = open(std::string(kBudgets) + "?watch=1&timeoutSeconds=1");
  const auto end = run(stream->read_some());
  ASSERT_TRUE(end) << end.error().to_string();
  EXPECT_FALSE(*end);
}

TEST_F(ApiServerTest, AnExpiredVersionIs410) {
  call("POST", kBudgets, budget("a"));
  const auto got = call("GET", std::string(kBudgets) + "?watch=1&resourceVersion=999999999");
  EXPECT_EQ(got.status, 410);
  EXPECT_EQ(got.reason(), "Expired");
}

TEST_F(ApiServerTest, AWatchThatFallsBehindEndsWithAnErrorEvent) {
  call("POST", kBudgets, budget("a"));
  const auto stream = open(fmt::format("{}?watch=1&resourceVersion={}", kBudgets, version_of("a")));
  for (std::size_t i = 0; i < resource::limits::kWatchBuffer + 1500; ++i) {
    const json::value merge = {{"metadata", {{"labels", {{"churn", std::to_string(i)}}}}}};
    ASSERT_TRUE(run(bed_->embedded().patch({"Budget", "default", "a"}, merge, resource::PatchTarget::kObject)));
  }
  std::string rest;
  const auto events = lines(*stream, 100'000, rest);
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(get_string(events.back(), "type"), "ERROR");
  EXPECT_EQ(get_int(*find_object(events.back(), "object"), "code"), 410);
  EXPECT_EQ(get_string(*find_object(events.back(), "object"), "reason"), "Expired");
}

class FewStreams : public ApiServerTest {
  ApiOptions options() override { return {.watch_streams = 1, .log_streams = 1}; }
};

TEST_F(FewStreams, WatchesAreLimited) {
  {
    const auto first = open(std::string(kBudgets) + "?watch=1");
    const auto second = call("GET", std::string(kBudgets) + "?watch=1");
    EXPECT_EQ(second.status, 429);
    EXPECT_EQ(second.reason(), "TooManyRequests");
  }
  // The first has gone: there is room again.
  int status = 0;
  for (int tries = 0; tries < 50 && status != 200; ++tries) {
    run([](Clock* clock) -> Task<bool> {
      co_return co_await clock->sleep_for(std::chrono::milliseconds(20));
    }(&bed_->clock()));
    status = open(std::string(kBudgets) + "?watch=1")->status();
  }
  EXPECT_EQ(status, 200);
}

TEST_F(ApiServerTest, TellsWhatThereIs) {
  EXPECT_EQ(call("GET", "/healthz").status, 200);
  EXPECT_EQ(get_string(call("GET", "/version").body, "gitVersion"), "v" REMIT_VERSION);
  EXPECT_EQ(get_string(call("GET", "/api").body, "kind"), "APIVersions");
  EXPECT_EQ(get_string(call("GET", "/apis").body, "kind"), "APIGroupList");
  EXPECT_EQ(get_string(call("GET", "/apis/remit.dev").body, "kind"), "APIGroup");
  const auto list = call("GET", "/apis/remit.dev/v1alpha1");
  EXPECT_EQ(get_string(list.body, "kind"), "APIResourceList");
  std::vector<std::string> names;
  for (const auto& each : *find_array(list.body, "resources")) names.emplace_back(get_string(each.as_object(), "name"));
  EXPECT_THAT(names, testing::IsSupersetOf({"missions", "missions/status", "missions/log", "budgets", "approvals"}));
}

TEST_F(ApiServerTest, TheSocketIsOnlyForItsOwner) {
  struct stat found{};
  ASSERT_EQ(::stat(bed_->folder().socket_path().c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600u);
}

TEST_F(ApiServerTest, TheKernelTellsWhoConnects) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can connect as somebody else";
  // The mode of the socket lets everybody in here, so that only the check of the peer is left.
  ::chmod(bed_->folder().path().c_str(), 0755), ::chmod(bed_->folder().socket_path().c_str(), 0666);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(2);
    const std::string command = fmt::format(
        "exec /usr/bin/python3 -c \"import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); "
        "s.send(b'GET /version HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'); sys.exit(0 if b' 403 ' in s.recv(99) else 1)\" {}",
        bed_->folder().socket_path());
    ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    ::_exit(3);
  }
  int status = -1;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  bed_->context().restart();
  while (::waitpid(child, &status, WNOHANG) == 0 && std::chrono::steady_clock::now() < end)
    bed_->context().run_one_for(std::chrono::milliseconds(20));
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

TEST_F(ApiServerTest, LoopbackNeedsTheKey) {
  const auto key = open_key(bed_->folder().path() + "/api.key", bed_->rng());
  ASSERT_TRUE(key);
  EXPECT_EQ(open_key(bed_->folder().path() + "/api.key", bed_->rng()).value(), *key);
  EXPECT_FALSE(bed_->server().listen_loopback("0.0.0.0", 0, *key));
  EXPECT_FALSE(bed_->server().listen_loopback("127.0.0.1", 0, ""));
  const auto port = bed_->server().listen_loopback("127.0.0.1", 0, *key);
  ASSERT_TRUE(port) << port.error().to_string();
  const auto get = [&](std::string_view path, std::string authorization) {
    http::Request out;
    out.url = fmt::format("http://127.0.0.1:{}{}", *port, path);
    if (!authorization.empty()) out.headers.set("Authorization", authorization);
    return send(std::move(out));
  };
  EXPECT_EQ(get(kBudgets, "").status, 401);
  EXPECT_EQ(get(kBudgets, "").headers.get("www-authenticate"), "Bearer");
  EXPECT_EQ(get(kBudgets, "Bearer").status, 401);
  EXPECT_EQ(get(kBudgets, "Bearer ").status, 401);
  EXPECT_EQ(get(kBudgets, "Bearer " + key->substr(1)).status, 401);
  EXPECT_EQ(get(kBudgets, "Basic " + *key).status, 401);
  EXPECT_EQ(get("/nowhere", "").status, 401) << "who has no key learns nothing";
  EXPECT_EQ(get("/healthz", "").status, 200);
  EXPECT_EQ(get(kBudgets, "Bearer " + *key).status, 200);
  HttpStore store(bed_->context().get_executor(), {.url = fmt::format("http://127.0.0.1:{}", *port), .key = *key});
  EXPECT_EQ(run(store.get({"Budget", "default", "none"})).error().code(), Code::kNotFound);
  HttpStore stranger(bed_->context().get_executor(),
                     {.url = fmt::format("http://127.0.0.1:{}", *port), .key = "wrong"});
  EXPECT_EQ(run(stranger.get({"Budget", "default", "none"})).error().code(), Code::kUnauthenticated);
}

TEST_F(ApiServerTest, AKeyThatOthersMayReadIsRefused) {
  const std::string path = bed_->folder().path() + "/open.key";
  std::ofstream(path) << std::string(64, 'a');
  ::chmod(path.c_str(), 0644);
  EXPECT_EQ(open_key(path, bed_->rng()).error().code(), Code::kFailedPrecondition);
  ::chmod(path.c_str(), 0600);
  EXPECT_TRUE(open_key(path, bed_->rng()));
  std::ofstream(path, std::ios::trunc) << "short";
  EXPECT_EQ(open_key(path, bed_->rng()).error().code(), Code::kFailedPrecondition);
}

constexpr std::string_view kMissions = "/apis/remit.dev/v1alpha1/namespaces/default/missions";
constexpr const char* kMission =
    R"({"apiVersion":"remit.dev/v1alpha1","kind":"Mission","metadata":{"name":"m"},"spec":{"goal":"g","model":{"name":"x"},"budget":{"toolCalls":1}}})";

TEST_F(ApiServerTest, StreamsTheLogOfARun) {
  ASSERT_EQ(call("POST", kMissions, kMission).status, 201);
  EXPECT_EQ(call("GET", std::string(kMissions) + "/m/log").status, 404) << "no run yet";
  EXPECT_EQ(call("GET", std::string(kMissions) + "/m/log?run=nonsense").status, 400);
  const Ulid id = Ulid::make(bed_->clock(), bed_->rng());
  ASSERT_TRUE(bed_->folder().create_run(id));
  const auto patched = call("PATCH", std::string(kMissions) + "/m/status",
                            fmt::format(R"({{"status":{{"phase":"Running","runId":"{}"}}}})", id.to_string()),
                            "application/merge-patch+json");
  ASSERT_EQ(patched.status, 200) << to_json(patched.body);
  auto lock = bed_->folder().lock_run(id);
  ASSERT_TRUE(lock);
  auto log = store::Log::open(bed_->files(), bed_->folder().run_log_path(id), bed_->rng()).value();
  ASSERT_TRUE(log->append(R"({"type":"Note","message":"\"type\":\"RunEnded\"","nested":{"type":"RunEnded"}})"));
  ASSERT_TRUE(log->flush());
  const auto stream = open(std::string(kMissions) + "/m/log?follow=1");
  std::string rest;
  EXPECT_EQ(lines(*stream, 1, rest).size(), 1u);
  ASSERT_TRUE(log->append(R"({"type":"RunEnded"})"));
  ASSERT_TRUE(log->flush());
  EXPECT_EQ(lines(*stream, 5, rest).size(), 1u) << "the stream ends with the run";
  const auto again = open(std::string(kMissions) + "/m/log?run=" + id.to_string());
  rest.clear();
  EXPECT_EQ(lines(*again, 5, rest).size(), 2u);
}

TEST_F(ApiServerTest, AFollowedLogEndsWhenItsDriverHasGone) {
  ASSERT_EQ(call("POST", kMissions, kMission).status, 201);
  const Ulid id = Ulid::make(bed_->clock(), bed_->rng());
  ASSERT_TRUE(bed_->folder().create_run(id));
  auto lock = std::make_optional(bed_->folder().lock_run(id).value());
  auto log = store::Log::open(bed_->files(), bed_->folder().run_log_path(id), bed_->rng()).value();
  ASSERT_TRUE(log->append(R"({"type":"Note"})"));
  ASSERT_TRUE(log->flush());
  const auto stream = open(fmt::format("{}/m/log?follow=1&run={}", kMissions, id.to_string()));
  std::string rest;
  EXPECT_EQ(lines(*stream, 1, rest).size(), 1u);
  lock.reset();
  EXPECT_EQ(lines(*stream, 1, rest).size(), 0u);
}

}  // namespace
}  // namespace remit::api
