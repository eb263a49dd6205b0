#include "tests/links/houses.h"

#include <cstdlib>
#include <optional>

#include "pipeline/local/local_link.h"
#include "tests/links/memory_house.h"
#include "tests/links/tsan_rocksdb.h"

namespace echoloop::houses {
namespace {

class InMemory : public House {
 public:
  explicit InMemory(int partitions) : house_(partitions) {}
  int partitions() const override { return house_.partitions(); }
  void append(const std::vector<Event>& events) override {
    for (const Event& event : events) house_.append(stage::Kind::event, event.key, event.value, event.at);
  }
  std::unique_ptr<stage::Link> link(int worker, int workers) override { return house_.link(worker, workers); }
  const stage::View& view() const override { return house_.view(); }
  void write(const std::vector<stage::Row>& rows) override { house_.write(rows); }
  stage::Slice read_topic(stage::Topic topic, int partition, std::int64_t from_offset) const override {
    return house_.read_topic(topic, partition, from_offset, {});
  }
  void reopen() override {}

 private:
  memory::MemoryHouse house_;
};

class OnDisk : public House {
 public:
  explicit OnDisk(int partitions) {
    options_.partitions = partitions;
    options_.store.memory_bytes = 16 << 20;
    options_.log.segment_bytes = 4096;  // so that tests pass through many
    options_.log.ring_bytes = 2048;     // and read from the disk as well
    open();
  }
  int partitions() const override { return house_->partitions(); }
  void append(const std::vector<Event>& events) override {
    std::vector<local::Append> records;
    for (const Event& event : events) records.push_back({stage::Kind::event, event.key, event.value, event.at});
    auto appended = house_->log().append(records);
    ASSERT_TRUE(appended) << appended.error().text();
  }
  std::unique_ptr<stage::Link> link(int worker, int workers) override { return house_->link(worker, workers); }
  const stage::View& view() const override { return house_->store(); }
  void write(const std::vector<stage::Row>& rows) override {
    auto written = house_->write(rows);
    ASSERT_TRUE(written) << written.error().text();
  }
  stage::Slice read_topic(stage::Topic topic, int partition, std::int64_t from_offset) const override {
    auto slice = house_->read_topic(topic, partition, from_offset, {});
    EXPECT_TRUE(slice) << slice.error().text();
    return slice.value_or(stage::Slice{});
  }
  void reopen() override {
    house_.reset();
    open();
  }

 private:
  void open() {
    auto opened = local::LocalHouse::open(folder_.path() / "data", options_);
    if (!opened) throw std::runtime_error(opened.error().text());
    house_ = std::move(*opened);
    EXPECT_TRUE(house_->repairs().empty()) << house_->repairs().front();
  }

  Folder folder_;
  local::HouseOptions options_;
  std::unique_ptr<local::LocalHouse> house_;
};

}  // namespace

std::vector<Kind> all_kinds() {
  return {{"Memory", [](int partitions) -> std::unique_ptr<House> { return std::make_unique<InMemory>(partitions); }},
          {"Local", [](int partitions) -> std::unique_ptr<House> { return std::make_unique<OnDisk>(partitions); }}};
}

Folder::Folder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "echoloop-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder can be made");
  path_ = pattern;
}

Folder::~Folder() {
  std::error_code fault;
  std::filesystem::remove_all(path_, fault);
}

}  // namespace echoloop::houses
