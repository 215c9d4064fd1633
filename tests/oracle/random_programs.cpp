// SPDX-License-Identifier: Apache-2.0
//
// random_programs skein|mpi FIRST PROGRAMS FOLDER [STEPS]: makes random programs of collectives with Skein, in whatever layout
// it is started, or with MPI alone, and writes what each rank of the run got from each, as digests, into
// FOLDER/RANK. With STEPS, every step is told on the standard error. compare_with_mpi compares the two.
#include <fmt/format.h>
#include <mpi.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "mpi_library.hpp"
#include "random_program.hpp"
#include "skein_library.hpp"

namespace {

struct Arguments {
  std::uint64_t first;
  std::uint64_t programs;
  std::filesystem::path folder;
  bool tells_steps;
};

template <class Library>
void make_all(typename Library::Team& run, const Arguments& arguments) {
  std::FILE* file = std::fopen((arguments.folder / std::to_string(run.rank())).c_str(), "w");
  if (file == nullptr) throw std::runtime_error("cannot write into " + arguments.folder.string());
  std::FILE* trace = arguments.tells_steps ? stderr : nullptr;
  for (std::uint64_t number = arguments.first; number < arguments.first + arguments.programs; ++number) {
    skein_oracle::RandomProgram<Library> program(run, skein_oracle::mix(number), trace);
    fmt::print(file, "{} {:016x}\n", number, program.digest_of_run());
  }
  std::fclose(file);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view library = argc > 1 ? argv[1] : "";
  if (argc < 5 || argc > 6 || (library != "skein" && library != "mpi")) {
    std::fputs("usage: random_programs skein|mpi FIRST PROGRAMS FOLDER [STEPS]\n", stderr);
    return 2;
  }
  const Arguments arguments{std::strtoull(argv[2], nullptr, 10), std::strtoull(argv[3], nullptr, 10), argv[4],
                            argc > 5};
  if (library == "mpi") {
    MPI_Init(&argc, &argv);
    {
      skein_oracle::MpiLibrary::Team run(MPI_COMM_WORLD);
      make_all<skein_oracle::MpiLibrary>(run, arguments);
    }
    MPI_Finalize();
    return 0;
  }
  skein::Runtime runtime(argc, argv);
  return runtime.run([&](skein::Team& team) {
    skein_oracle::SkeinLibrary::Team run(team);
    make_all<skein_oracle::SkeinLibrary>(run, arguments);
  });
}
