#include "comm/mesh_device.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "util/error.hpp"
#include "util/parallel.hpp"

namespace tessera::comm {
namespace {

void check_sheet(const MeshShape& shape, std::string_view name) {
  const SpecSheet& sheet = find_sheet(name);
  check(shape.rows >= 1 && shape.cols >= 1, "mesh {}: at least one row and one column expected",
        to_string(shape));
  check(sheet.name == "cpu" || shape.chips() <= sheet.chips,
        "mesh {}: device {} has {} chip{}: use a larger device", to_string(shape), sheet.name, sheet.chips,
        sheet.chips == 1 ? "" : "s");
}

// The same kind of error, with the rank that it came from. RankErrors and interruptions speak for themselves.
std::exception_ptr with_rank(int rank, const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const RankError&) {
    return error;
  } catch (const Interrupted&) {
    return error;
  } catch (const UserError& e) {
    return std::make_exception_ptr(UserError(fmt::format("rank {}: {}", rank, e.what())));
  } catch (const std::exception& e) {
    return std::make_exception_ptr(SystemError(fmt::format("rank {}: {}", rank, e.what())));
  } catch (...) {
    return error;
  }
}

std::string text_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "unknown error";
  }
}

// A chip's share of the cores, for its commands as for its thread.
int cores_of_a_chip(const MeshShape& shape) {
  return std::max(1, num_threads() / shape.chips());
}

// One run on threads: owned by the threads as well, since one of them may outlive the call.
struct Run {
  std::function<void(const Chip&)> function;
  std::shared_ptr<ThreadWorld> world;
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t pending = 0;
  std::exception_ptr error;
  int rank = -1;  // of the error
  int cores = 1;  // a chip's share

  void work(const Chip& chip) {
    try {
      const ParallelShare share(cores);
      function(chip);
    } catch (...) {
      fail(chip.rank, std::current_exception());
    }
    world->leave(chip.rank);
    const std::lock_guard lock(mutex);
    --pending;
    changed.notify_all();
  }

  void fail(int failed, const std::exception_ptr& cause) {
    {
      const std::lock_guard lock(mutex);
      if (!error) {
        error = cause;
        rank = failed;
      }
      changed.notify_all();
    }
    world->abort(failed, text_of(cause));
  }

  // True when every thread has ended; false when one does not after another has failed.
  bool wait() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return pending == 0 || error; });
    return changed.wait_for(lock, std::chrono::duration<double>(timeout_seconds()),
                            [&] { return pending == 0; });
  }
};

}  // namespace

MeshShape parse_mesh(std::string_view text) {
  const auto number = [&](std::string_view part) {
    int n = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), n);
    check(error == std::errc() && end == part.data() + part.size() && n >= 1 && n <= 1024,
          "mesh \"{}\": rows x columns expected: 1x4, 2x4", text);
    return n;
  };
  const std::size_t x = text.find('x');
  if (x == std::string_view::npos) return {1, number(text)};
  return {number(text.substr(0, x)), number(text.substr(x + 1))};
}

std::string to_string(const MeshShape& shape) {
  return fmt::format("{}x{}", shape.rows, shape.cols);
}

std::shared_ptr<MeshDevice> MeshDevice::open(MeshShape shape, std::string_view sheet, Engine engine,
                                             const DeviceOptions& options) {
  check_sheet(shape, sheet);
  auto mesh = std::shared_ptr<MeshDevice>(new MeshDevice(shape));
  for (int rank = 0; rank < shape.chips(); ++rank) {
    mesh->local_.push_back(rank);
    mesh->devices_.push_back(Device::open(sheet, engine, options));
    for (int id = 0; id < options.num_command_queues; ++id)
      mesh->devices_.back()->queue(id).set_threads(cores_of_a_chip(shape));
  }
  mesh->threads_ = std::make_shared<ThreadWorld>(shape.chips());
  return mesh;
}

std::shared_ptr<MeshDevice> MeshDevice::open(MeshShape shape, std::string_view sheet, Engine engine,
                                             std::shared_ptr<Group> processes, const DeviceOptions& options) {
  check_sheet(shape, sheet);
  check(processes->size() == shape.chips(), "mesh {}: {} processes: start {}", to_string(shape),
        processes->size(), shape.chips());
  auto mesh = std::shared_ptr<MeshDevice>(new MeshDevice(shape));
  mesh->local_ = {processes->rank()};
  mesh->devices_.resize(static_cast<std::size_t>(shape.chips()));
  mesh->devices_[static_cast<std::size_t>(processes->rank())] = Device::open(sheet, engine, options);
  mesh->processes_ = std::move(processes);
  return mesh;
}

bool MeshDevice::is_local(int rank) const {
  return rank >= 0 && rank < shape_.chips() && devices_[static_cast<std::size_t>(rank)] != nullptr;
}

Device& MeshDevice::device(int rank) const {
  check(is_local(rank), "mesh {}: chip {} is not in this process", to_string(shape_), rank);
  return *devices_[static_cast<std::size_t>(rank)];
}

Chip MeshDevice::chip(int rank) const {
  const std::shared_ptr<Group> mesh = threads_ ? threads_->group(rank) : processes_;
  const MeshCoordinate at = coordinate(rank);
  std::vector<int> row, column;
  for (int c = 0; c < shape_.cols; ++c) row.push_back(at.row * shape_.cols + c);
  for (int r = 0; r < shape_.rows; ++r) column.push_back(r * shape_.cols + at.col);
  return {rank, at, device(rank), mesh, mesh->subgroup(row), mesh->subgroup(column)};
}

void MeshDevice::run(const std::function<void(const Chip&)>& function) {
  check(!lost_, "mesh {}: a chip was given up after an error: open a new mesh", to_string(shape_));
  if (threads_) return run_threads(function);
  for (const int rank : local_) {
    try {
      function(chip(rank));
    } catch (...) {
      processes_->abort(text_of(std::current_exception()));
      std::rethrow_exception(with_rank(rank, std::current_exception()));
    }
  }
}

void MeshDevice::run_threads(const std::function<void(const Chip&)>& function) {
  threads_->reset();
  const auto run = std::make_shared<Run>();
  run->function = function;
  run->world = threads_;
  run->pending = local_.size();
  run->cores = cores_of_a_chip(shape_);
  std::vector<std::thread> threads;
  for (const int rank : local_) {
    threads.emplace_back(
        [run, self = chip(rank), device = devices_[static_cast<std::size_t>(rank)]] { run->work(self); });
  }
  lost_ = !run->wait();
  for (std::thread& thread : threads) {
    if (lost_) {
      thread.detach();
    } else {
      thread.join();
    }
  }
  const std::lock_guard lock(run->mutex);
  if (run->error) std::rethrow_exception(with_rank(run->rank, run->error));
}

std::shared_ptr<MeshDevice> MeshDevice::create_submesh(MeshShape shape, MeshCoordinate offset) const {
  check(shape.rows >= 1 && shape.cols >= 1 && offset.row >= 0 && offset.col >= 0 &&
            offset.row + shape.rows <= shape_.rows && offset.col + shape.cols <= shape_.cols,
        "submesh {} at ({}, {}) of a mesh {}: it does not fit", to_string(shape), offset.row, offset.col,
        to_string(shape_));
  auto part = std::shared_ptr<MeshDevice>(new MeshDevice(shape));
  std::vector<int> ranks;  // of this mesh
  for (int r = 0; r < shape.rows; ++r) {
    for (int c = 0; c < shape.cols; ++c) ranks.push_back((offset.row + r) * shape_.cols + offset.col + c);
  }
  for (const int rank : ranks) {
    if (is_local(rank)) part->local_.push_back(static_cast<int>(part->devices_.size()));
    part->devices_.push_back(devices_[static_cast<std::size_t>(rank)]);
  }
  if (threads_) {
    part->threads_ = std::make_shared<ThreadWorld>(shape.chips());
  } else if (!part->local_.empty()) {
    part->processes_ = processes_->subgroup(ranks);
  }
  return part;
}

std::vector<std::shared_ptr<MeshDevice>> MeshDevice::create_submeshes(MeshShape shape) const {
  check(shape.rows >= 1 && shape.cols >= 1 && shape_.rows % shape.rows == 0 && shape_.cols % shape.cols == 0,
        "submeshes {} of a mesh {}: it does not divide", to_string(shape), to_string(shape_));
  std::vector<std::shared_ptr<MeshDevice>> parts;
  for (int r = 0; r < shape_.rows; r += shape.rows) {
    for (int c = 0; c < shape_.cols; c += shape.cols) parts.push_back(create_submesh(shape, {r, c}));
  }
  return parts;
}

}  // namespace tessera::comm
