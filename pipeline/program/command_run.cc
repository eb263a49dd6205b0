// `echoloop run`: pipeline and API in one process, until SIGTERM or SIGINT.
#include <curl/curl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <fstream>

#include "pipeline/http/server.h"
#include "pipeline/intake/http_dead.h"
#include "pipeline/intake/http_events.h"
#include "pipeline/intake/http_hooks.h"
#include "pipeline/intake/http_openapi.h"
#include "pipeline/program/commands.h"
#include "pipeline/program/pipeline.h"
#include "pipeline/program/prometheus.h"
#include "pipeline/serving/api.h"
#include "pipeline/settings/read.h"
#include "schemas/domain_load.h"

namespace echoloop::program {
namespace {

constexpr Duration kStop_limit{30'000};

// SIGTERM, SIGINT and SIGHUP are taken by sigwait() in this thread alone, so they are blocked before any other thread
// starts.
sigset_t take_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

// For the store, the log, adapters, and connections on their way out.
constexpr rlim_t kOwn_files = 1'024;
constexpr rlim_t kConnections_max = 20'000;

// Thousands of connections and the files of RocksDB need more descriptors than the usual soft limit; the hard limit is
// the operator's. Answers how many connections there may be, so that a crowd leaves the store its files.
std::size_t raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return http::ServerOptions{}.connections_max;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  const rlim_t left = limit.rlim_max > 2 * kOwn_files ? limit.rlim_max - kOwn_files : limit.rlim_max / 2;
  return std::min(left, kConnections_max);
}

// Everything that a running server is beside the pipeline.
struct Front {
  std::unique_ptr<AdapterPool> adapters;
  UnsignedHooks unsigned_hooks;
  std::unique_ptr<http::Server> server;
  std::atomic<bool> reload_succeeded{true};
  std::mutex reload_mutex;
};

Result<std::string> reload(Pipeline& pipeline, Front& front) {
  std::lock_guard lock{front.reload_mutex};
  auto reloaded = pipeline.reload();
  front.reload_succeeded = reloaded.has_value();
  if (reloaded) {
    front.adapters->clear();
    spdlog::info("configuration: {}", *reloaded);
  } else {
    spdlog::error("configuration not loaded, the old one stays:\n{}", reloaded.error().text());
  }
  return reloaded;
}

// A server that listens everywhere is found by the name of its machine.
std::string address_for_others(const std::string& host, const std::string& listening) {
  if (host != "0.0.0.0" && host != "::") return "http://" + listening;
  std::array<char, HOST_NAME_MAX + 1> name{};
  gethostname(name.data(), name.size() - 1);
  return fmt::format("http://{}{}", name.data(), listening.substr(listening.rfind(':')));
}

http::Router routes(const Settings& settings, Pipeline& pipeline, Front& front) {
  http::Router router;
  HookOptions hooks;
  hooks.domain = pipeline.domain().get();
  hooks.adapters = front.adapters.get();
  hooks.adapter_folder = (config_folder(settings) / "adapters").string();
  hooks.environment = variable_of_process;
  hooks.unsigned_hooks = &front.unsigned_hooks;
  add_event_routes(router, pipeline.door());
  add_hook_routes(router, pipeline.door(), hooks);
  add_dead_routes(router, pipeline.door(), pipeline.ground().rows(), hooks,
                  [&pipeline](const std::function<bool()>& ready) { pipeline.await_commit(ready); });
  serving::ApiParts parts;
  parts.sources = pipeline.sources();
  parts.appender = &pipeline.appender();
  parts.stage_time = [&pipeline] { return pipeline.stage_time(); };
  parts.bell = &pipeline.bell();
  parts.redeliver = [&pipeline](const state::Delivery& one) { return pipeline.deliveries()->tell_again(one); };
  parts.caught_up = [&pipeline] { return pipeline.settled(); };
  parts.trouble = [&pipeline]() -> std::optional<std::string> {
    if (pipeline.failure()) return "the engine has stopped";
    const auto trouble = pipeline.trouble();
    return trouble ? std::optional{"the stages wait: " + trouble->text()} : std::nullopt;
  };
  parts.prometheus = [&pipeline, &front] {
    return prometheus_text(pipeline, front.server ? front.server->stats() : http::ServerStats{}, front.reload_succeeded,
                           front.unsigned_hooks.counts());
  };
  parts.with_rules = [folder =
                          config_folder(settings)](const std::string& rules) -> Result<std::shared_ptr<const Domain>> {
    auto loaded = load_domain_with_rules(folder, rules, "rules");
    if (!loaded) return bad_configuration("", text_of(loaded.error()));
    return std::make_shared<const Domain>(std::move(*loaded));
  };
  parts.reload = [&pipeline, &front] { return reload(pipeline, front); };
  parts.reload_others = [&pipeline] { return pipeline.ground().reload_others(); };
  serving::add_routes(router, parts);
  add_openapi_route(router);
  pipeline.ground().add_routes(router, parts.reload);
  return router;
}

}  // namespace

int run(const Invocation& invocation) {
  const Settings& settings = invocation.settings;
  sigset_t signals = take_signals();
  const std::size_t connections_max = raise_file_limit();
  curl_global_init(CURL_GLOBAL_DEFAULT);
  auto pipeline = Pipeline::open(settings);
  if (!pipeline) return failed(pipeline.error());
  Pipeline& house = **pipeline;
  Front front;
  front.adapters = std::make_unique<AdapterPool>((config_folder(settings) / "adapters").string());
  house.on_failure([] { kill(getpid(), SIGTERM); });
  house.start();
  house.start_deliveries();
  http::ServerOptions options;
  options.listen = format_address(settings.listen);
  options.connections_max = connections_max;
  auto server = http::Server::start(options, routes(settings, house, front));
  if (!server) return failed(server.error());
  front.server = std::move(*server);
  spdlog::info("listening on http://{}, data in {}", front.server->address(), settings.data.string());
  std::ofstream{settings.data / "server"} << "http://" << front.server->address() << "\n";
  house.ground().reached_at(address_for_others(settings.listen.host, front.server->address()));
  int signal = 0;
  while (sigwait(&signals, &signal) == 0 && signal == SIGHUP) static_cast<void>(reload(house, front));
  spdlog::info("stopping");
  front.server->stop(kStop_limit);
  house.stop();
  std::error_code none;
  std::filesystem::remove(settings.data / "server", none);
  auto failure = house.failure();
  return failure ? failed(*failure) : 0;
}

}  // namespace echoloop::program
