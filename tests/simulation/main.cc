// Plays schedules of misfortunes over a group in memory (group.h) and says which one broke what.
//
//     simulate [--schedules 1000] [--seed 1] [--play small|real|both] [--tell] [--must-break]
//
// Schedule n of seed s is that of seed s + n: `simulate --schedules 1 --seed N --play P --tell` plays one again and
// tells what happened. Exit 1 when one was not as it must be; with --must-break, for a program that was made wrong,
// when all were.
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <boost/program_options.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "tests/simulation/group.h"

namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;
using namespace echoloop::simulation;

constexpr std::uint64_t kReal_every = 5;  // schedules of `both`: the real stages take more of them

constexpr std::uintmax_t kRoom_bytes = 48u << 20;  // several times what a schedule writes

// Death here is of the process: what the kernel was given stays, so stores may lie in memory, where syncing costs
// nothing.
fs::path folder_of_stores() {
  std::error_code fault;
  const fs::path memory = "/dev/shm";
  const fs::space_info space = fs::space(memory, fault);
  const bool fits = !fault && space.available >= kRoom_bytes && access(memory.c_str(), W_OK) == 0;
  return fits && std::getenv("TMPDIR") == nullptr ? memory : fs::temp_directory_path();
}

// One schedule; answers its faults.
std::vector<std::string> play(std::uint64_t seed, bool real, bool tell, Tally& tally) {
  std::string name = (folder_of_stores() / "echoloop-simulation-XXXXXX").string();
  const fs::path folder = mkdtemp(name.data());
  std::vector<std::string> faults;
  {
    const auto what = real ? real_play(seed) : small_play(seed);
    Group group{seed, *what, folder, tell};
    faults = group.run();
    tally.add(group.tally());
  }
  fs::remove_all(folder);
  return faults;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t schedules = 1000, seed = 1;
  std::string which = "both";
  po::options_description options;
  options.add_options()("schedules", po::value(&schedules))("seed", po::value(&seed))("play", po::value(&which))(
      "tell", "")("must-break", "");
  po::variables_map given;
  try {
    po::store(po::parse_command_line(argc, argv, options), given);
    po::notify(given);
    if (which != "small" && which != "real" && which != "both") throw po::error("--play: small, real or both");
  } catch (const po::error& error) {
    std::cerr << error.what() << '\n';
    return 2;
  }
  const bool tell = given.count("tell") > 0, must_break = given.count("must-break") > 0;
  spdlog::set_level(tell ? spdlog::level::info : spdlog::level::off);
  const auto begin = std::chrono::steady_clock::now();
  Tally tally;
  std::uint64_t broken = 0;
  for (std::uint64_t n = 0; n < schedules; ++n) {
    const bool real = which == "real" || (which == "both" && (seed + n) % kReal_every == 0);
    const auto faults = play(seed + n, real, tell, tally);
    if (faults.empty()) continue;
    fmt::print("schedule {} of {} stages; again: simulate --schedules 1 --seed {} --play {} --tell\n", seed + n,
               real ? "real" : "small", seed + n, real ? "real" : "small");
    for (const std::string& fault : faults) fmt::print("  {}\n", fault);
    if (++broken == (must_break ? 1 : 3)) break;  // enough to look at
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  fmt::print(
      "{} schedules from seed {}, {:.1f} s: {} things happened, {} epochs committed, {} deaths, {} stood still, {} "
      "failures, {} sessions over, copies read on {} times; {}\n",
      schedules, seed, took.count(), tally.steps, tally.commits, tally.crashes, tally.stands, tally.failures,
      tally.rebalances, tally.copied, broken == 0 ? "all as they must be" : fmt::format("{} broken", broken));
  return (broken > 0) == must_break ? 0 : 1;
}
