// The houses that must keep the contract, behind one face.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/stage/link.h"

namespace echoloop::houses {

struct Event {
  std::string key, value;
  Time at{};
};

class House {
 public:
  virtual ~House() = default;
  virtual int partitions() const = 0;
  virtual void append(const std::vector<Event>& events) = 0;
  virtual std::unique_ptr<stage::Link> link(int worker, int workers) = 0;
  virtual const stage::View& view() const = 0;
  virtual void write(const std::vector<stage::Row>& rows) = 0;
  virtual stage::Slice read_topic(stage::Topic topic, int partition, std::int64_t from_offset) const = 0;
  // As a restart does; links must be gone.
  virtual void reopen() = 0;
};

struct Kind {
  std::string name;
  std::unique_ptr<House> (*make)(int partitions);
};
std::vector<Kind> all_kinds();

// An empty folder that ends with this.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace echoloop::houses
