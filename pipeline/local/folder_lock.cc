#include "pipeline/local/folder_lock.h"

#include <unistd.h>

namespace echoloop::local {

Result<void> check_folder(const std::filesystem::path& folder) {
  std::error_code none;
  if (!std::filesystem::exists(folder / "cache", none)) return {};
  return broken_world(folder.string(),
                      "is the folder of a member on Kafka: run it with --kafka.brokers, or ask a "
                      "running member (--server); a pipeline without Kafka needs a folder of its own");
}

Result<File> take_folder(const std::filesystem::path& folder) {
  if (auto fits = check_folder(folder); !fits) return tl::make_unexpected(fits.error());
  std::error_code fault;
  std::filesystem::create_directories(folder, fault);
  if (fault) return broken_world(folder.string(), "the data folder cannot be made: " + fault.message());
  const std::filesystem::path path = folder / "lock";
  Result<File> file = File::open(path, File::Mode::create);
  if (!file) return file;
  Result<bool> locked = file->lock();
  if (!locked) return tl::make_unexpected(locked.error());
  if (!*locked) {
    std::string holder = read_whole(path).value_or("");
    while (!holder.empty() && holder.back() == '\n') holder.pop_back();
    return broken_world(folder.string(), fmt::format("data folder {} is in use by process {}", folder.string(),
                                                     holder.empty() ? "(starting)" : holder));
  }
  const std::string own = fmt::format("{}\n", getpid());
  const std::string_view parts[] = {own};
  Result<void> written = file->truncate(0);
  if (written) written = file->write(0, parts);
  if (!written) return tl::make_unexpected(written.error());
  return file;
}

}  // namespace echoloop::local
