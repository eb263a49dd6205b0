// Memory for things that live and end together, such as what an epoch holds of its sessions: handed out piece by piece,
// taken back all at once and used again. Nothing in it is destroyed, so it holds only what needs no destructor.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace echoloop {

// Not thread-safe. What it handed out stays where it is until reset() or its end.
class Arena {
 public:
  Arena() = default;
  Arena(Arena&& other) noexcept { swap(other); }
  Arena& operator=(Arena&& other) noexcept {
    swap(other);
    return *this;
  }

  void* allocate(std::size_t bytes) {
    bytes = (bytes + kAlign - 1) / kAlign * kAlign;
    if (bytes > left_) grow(bytes);
    char* out = next_;
    next_ += bytes;
    left_ -= bytes;
    return out;
  }
  std::string_view copy(std::string_view text) {
    if (text.empty()) return {};
    char* out = static_cast<char*>(allocate(text.size()));
    std::memcpy(out, text.data(), text.size());
    return {out, text.size()};
  }
  // Everything it handed out has ended.
  void reset() {
    used_ = 0;
    left_ = 0;
    if (chunks_.size() > kKept_chunks) chunks_.resize(kKept_chunks);
    std::erase_if(chunks_, [](const Chunk& chunk) { return chunk.size > kChunk_bytes; });
  }

 private:
  static constexpr std::size_t kAlign = 8;
  // The first chunk is small, because many an arena holds one row; each is twice the one before, up to the largest.
  static constexpr std::size_t kFirst_bytes = 1 << 10, kChunk_bytes = 64 << 10;
  static constexpr std::size_t kKept_chunks = 256;  // 16 MiB: what a busy epoch of a shard needs

  struct Chunk {
    std::unique_ptr<char[]> bytes;
    std::size_t size;
  };

  void swap(Arena& other) {
    std::swap(chunks_, other.chunks_);
    std::swap(used_, other.used_);
    std::swap(next_, other.next_);
    std::swap(left_, other.left_);
  }

  void grow(std::size_t bytes) {
    while (used_ < chunks_.size() && chunks_[used_].size < bytes) ++used_;
    if (used_ == chunks_.size()) {
      const std::size_t usual = chunks_.empty() ? kFirst_bytes : std::min(chunks_.back().size * 2, kChunk_bytes);
      const std::size_t size = std::max(bytes, usual);
      chunks_.push_back({std::unique_ptr<char[]>{new char[size]}, size});
    }
    next_ = chunks_[used_].bytes.get();
    left_ = chunks_[used_].size;
    ++used_;
  }

  std::vector<Chunk> chunks_;
  std::size_t used_ = 0;  // chunks
  char* next_ = nullptr;
  std::size_t left_ = 0;
};

// A list in an arena, which whoever adds to it names. Copies share the entries they had.
template <class T>
class List {
 public:
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

  // Entries that lie elsewhere and are only read; the first one that is added moves them into an arena.
  static List over(const T* entries, std::size_t size) {
    List out;
    out.entries_ = const_cast<T*>(entries);
    out.size_ = out.capacity_ = static_cast<std::uint32_t>(size);
    return out;
  }

  T& add(Arena& arena, const T& value = T{}) {
    reserve(arena, 1);
    return *new (entries_ + size_++) T(value);
  }
  void append(Arena& arena, const T* values, std::size_t n) {
    reserve(arena, n);
    std::uninitialized_copy_n(values, n, entries_ + size_);
    size_ += static_cast<std::uint32_t>(n);
  }
  void clear() { size_ = 0; }

  T* begin() { return entries_; }
  T* end() { return entries_ + size_; }
  const T* data() const { return entries_; }
  const T* begin() const { return entries_; }
  const T* end() const { return entries_ + size_; }
  T& operator[](std::size_t i) { return entries_[i]; }
  const T& operator[](std::size_t i) const { return entries_[i]; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  void reserve(Arena& arena, std::size_t more) {
    if (size_ + more <= capacity_) return;
    capacity_ = std::max(static_cast<std::uint32_t>(size_ + more), capacity_ * 2);
    T* larger = static_cast<T*>(arena.allocate(capacity_ * sizeof(T)));
    std::uninitialized_copy_n(entries_, size_, larger);
    entries_ = larger;
  }

  T* entries_ = nullptr;
  std::uint32_t size_ = 0, capacity_ = 0;
};

}  // namespace echoloop
