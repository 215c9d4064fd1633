// SPDX-License-Identifier: Apache-2.0
//
// Words that all ranks of a team can see, even when SKEIN_HOST makes hosts of its processes: then in a file that all
// processes of the machine map, and that is gone from the file system before the first use.
#pragma once

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

#include "skein/skein.hpp"

namespace skein_test {

class CommonWords {
 public:
  /// Collective. Zeros. `number` differs between objects of one rank that live at the same time.
  CommonWords(skein::Team& team, std::size_t words, int number) : bytes_(words * sizeof(std::uint64_t)) {
    if (team.hosts() == 1) {
      array_ = team.shared<std::uint64_t>(words);
      words_ = array_.data();
      return;
    }
    const char* folder = std::getenv("TMPDIR");
    const std::string path =
        fmt::format("{}/skein-test-{}-{}", folder == nullptr ? "/tmp" : folder, team.bcast(getpid(), 0), number);
    const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, static_cast<off_t>(bytes_)) != 0) throw std::runtime_error("cannot make " + path);
    words_ = static_cast<std::uint64_t*>(mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
    close(file);
    team.barrier();
    if (team.rank() == 0) unlink(path.c_str());
    team.barrier();
    is_mapped_ = true;
  }
  ~CommonWords() {
    if (is_mapped_) munmap(words_, bytes_);
  }
  CommonWords(const CommonWords&) = delete;
  CommonWords& operator=(const CommonWords&) = delete;

  std::uint64_t& operator[](std::size_t i) const { return words_[i]; }

 private:
  std::size_t bytes_;
  skein::SharedArray<std::uint64_t> array_;
  std::uint64_t* words_ = nullptr;
  bool is_mapped_ = false;
};

}  // namespace skein_test
