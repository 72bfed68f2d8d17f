// tessera-vectors DIR: hardware vectors against the room wormhole; exit 0 all equal, 1 some differ, 2 could
// not run.
#include <fmt/format.h>

#include <cstdio>
#include <exception>

#include "tessera-vectors/vector_cases.hpp"

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: tessera-vectors DIR   (a folder with index.json and vectors.bin)\n");
    return 2;
  }
  try {
    const tessera::vectors::VectorFolder folder(argv[1]);
    const auto tally =
        tessera::vectors::run_vectors(folder, [](const std::string& line) { fmt::print("{}\n", line); });
    fmt::print("{} cases, {} values, {} wrong\n", tally.cases, tally.values, tally.wrong);
    return tally.wrong == 0 ? 0 : 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "tessera-vectors: {}\n", error.what());
    return 2;
  }
}
