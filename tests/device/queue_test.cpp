// Command queues and events: order, errors, time limits.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <thread>

#include "device/event.hpp"
#include "device/tensor.hpp"
#include "device/timeline.hpp"
#include "io/temp_folder.hpp"
#include "util/error.hpp"

namespace tessera {
namespace {

class Call final : public Command {
 public:
  explicit Call(std::function<void()> body) : body_(std::move(body)) {}
  void run() override { body_(); }
  std::string name() const override { return "call"; }

 private:
  std::function<void()> body_;
};

std::shared_ptr<Command> call(std::function<void()> body) {
  return std::make_shared<Call>(std::move(body));
}

std::string error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

class Queues : public ::testing::Test {
 protected:
  std::shared_ptr<Device> device_ =
      Device::open("cpu", Engine::Fast, {.num_command_queues = 2, .async = true});
  CommandQueue& first_ = device_->queue(0);
  CommandQueue& second_ = device_->queue(1);
};

TEST_F(Queues, RunInOrderOnAThreadOfTheirOwn) {
  std::vector<int> order;
  std::thread::id where;
  for (int i = 0; i < 100; ++i) {
    first_.enqueue(call([&, i] {
      order.push_back(i);
      where = std::this_thread::get_id();
    }));
  }
  first_.finish();
  ASSERT_EQ(order.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
  EXPECT_NE(where, std::this_thread::get_id());
}

TEST_F(Queues, EventsOrderThemAmongEachOther) {
  for (int round = 0; round < 200; ++round) {
    std::atomic<int> value{0};
    first_.enqueue(call([&] { value = 1; }));
    second_.wait_for_event(first_.record_event());
    int seen = -1;
    second_.enqueue(call([&] { seen = value; }));
    event_synchronize(second_.record_event());
    EXPECT_EQ(seen, 1);
  }
}

TEST_F(Queues, AFailureSurfacesAtTheWaitAndTheQueueLivesOn) {
  bool behind = false, later = false;
  second_.enqueue(call([] { fail_user("[softmax] bad (in layers.2)"); }));
  second_.enqueue(call([&] { behind = true; }));
  EXPECT_EQ(error_of([&] { device_->synchronize(); }), "[softmax] bad (in layers.2)");
  EXPECT_FALSE(behind);
  second_.enqueue(call([&] { later = true; }));
  device_->synchronize();
  EXPECT_TRUE(later);
}

TEST_F(Queues, WhoWaitsForAFailedQueueHearsOfIt) {
  first_.enqueue(call([] { fail_user("[matmul] broke"); }));
  const Event event = first_.record_event();
  EXPECT_EQ(error_of([&] { event_synchronize(event); }), "[matmul] broke");
  second_.wait_for_event(event);
  EXPECT_EQ(error_of([&] { second_.finish(); }), "[matmul] broke");
  EXPECT_EQ(error_of([&] { first_.finish(); }), "[matmul] broke");
  first_.finish();
}

TEST_F(Queues, AnEventThatWasNeverRecordedIsRefused) {
  EXPECT_NE(error_of([&] { second_.wait_for_event(Event()); }).find("never recorded"), std::string::npos);
  EXPECT_NE(error_of([&] { event_synchronize(Event()); }).find("never recorded"), std::string::npos);
}

TEST_F(Queues, QueuesThatWaitForEachOtherEndInAnError) {
  const io::test::ScopedEnvironment limit("TESSERA_EVENT_TIMEOUT", "0.2");
  std::atomic<bool> release{false};
  first_.enqueue(call([&] {
    while (!release) std::this_thread::yield();
  }));
  const Event event = first_.record_event();
  second_.wait_for_event(event);
  const std::string text = error_of([&] { second_.finish(); });
  EXPECT_NE(text.find("was not reached in 0.2 s"), std::string::npos) << text;
  release = true;
  device_->synchronize();
}

TEST_F(Queues, CopiesAreOrderedAndTheirValuesKept) {
  const Tensor tensor = zeros(*device_, {Shape{4}, DataType::INT32, Layout::ROW_MAJOR});
  std::array<std::int32_t, 4> read{};
  {
    std::vector<std::int32_t> values{1, 2, 3, 4};
    Tensor target = tensor;
    copy_to_device(values, target);
    values.assign(4, 9);
  }
  copy_to_host(tensor, read);
  event_synchronize(first_.record_event());
  EXPECT_EQ(read, (std::array<std::int32_t, 4>{1, 2, 3, 4}));
}

TEST_F(Queues, BothMayFailAndBothLiveOn) {
  first_.enqueue(call([] { fail_user("[add] first"); }));
  second_.enqueue(call([] { fail_user("[add] second"); }));
  EXPECT_EQ(error_of([&] { device_->synchronize(); }), "[add] first");
  EXPECT_EQ(error_of([&] { device_->synchronize(); }), "");
}

// Kernels of the host (sampling, a mask) read tensors inside a command.
TEST_F(Queues, ACommandMayReadATensor) {
  const Tensor tensor = zeros(*device_, {Shape{4}, DataType::INT32, Layout::ROW_MAJOR});
  std::vector<std::int32_t> seen;
  first_.enqueue(call([&] { seen = tensor.to_int_vector(); }));
  event_synchronize(first_.record_event());
  EXPECT_EQ(seen, std::vector<std::int32_t>(4, 0));
}

// The last tensor, and with it the device, may be a command's.
// A host that runs ahead drops tensors that commands still hold: full banks are waited for, once.
TEST(QueuesAndBanks, ThoseAheadOfTheQueueWaitForRoom) {
  const auto device = Device::open("n150", Engine::Fast, {.async = true});
  // 64 MiB of the 96 MB of L1.
  const TensorSpec large{Shape{1, 1, 4096, 8192}, DataType::BFLOAT16, Layout::ROW_MAJOR};
  for (int i = 0; i < 3; ++i) {
    const Tensor held = allocate_tensor_on_device(*device, large, L1_MEMORY_CONFIG);
    device->queue(0).enqueue(call([held] { std::this_thread::sleep_for(std::chrono::milliseconds(20)); }));
  }
  device->synchronize();
  const Tensor held = allocate_tensor_on_device(*device, large, L1_MEMORY_CONFIG);
  EXPECT_NE(
      error_of([&] { allocate_tensor_on_device(*device, large, L1_MEMORY_CONFIG); }).find("out of memory"),
      std::string::npos);
}

TEST_F(Queues, ADeviceMayEndOnItsOwnThread) {
  const auto ended = std::make_shared<std::atomic<bool>>(false);
  {
    auto device = Device::open("cpu", Engine::Fast, {.num_command_queues = 2, .async = true});
    const std::weak_ptr<Device> alive = device;
    const auto go = std::make_shared<std::atomic<bool>>(false);
    Tensor tensor = zeros(*device, {Shape{4}, DataType::INT32, Layout::ROW_MAJOR});
    device->queue(1).enqueue(call([go, tensor] {
      while (!*go) std::this_thread::yield();
    }));
    const Event behind = device->queue(1).record_event();
    device->queue(0).wait_for_event(behind);
    device->queue(1).enqueue(call([ended, tensor, alive] { *ended = alive.use_count() > 0; }));
    tensor = Tensor();
    device.reset();
    *go = true;
    while (!alive.expired()) std::this_thread::yield();
  }
  EXPECT_TRUE(*ended);
}

TEST_F(Queues, WhoWaitsForAClosedDeviceHearsOfIt) {
  auto device = Device::open("cpu", Engine::Fast, {.async = true});
  std::atomic<bool> go{false};
  device->queue(0).enqueue(call([&] {
    while (!go) std::this_thread::yield();
  }));
  const Event event = device->queue(0).record_event();
  std::thread closer([&] { device.reset(); });
  EXPECT_NE(error_of([&] { event_synchronize(event); }).find("the device was closed"), std::string::npos);
  go = true;
  closer.join();
}

TEST_F(Queues, TheTimelineHoldsWhatRan) {
  Timeline timeline;
  {
    const TimelineScope scope(*device_, timeline);
    first_.enqueue(call([] {}));
    second_.enqueue(call([] {}));
  }
  first_.enqueue(call([] {}));
  const auto entries = timeline.entries();
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_NE(entries[0].queue, entries[1].queue);
  for (const auto& e : entries) EXPECT_LE(e.begin, e.end);
}

TEST_F(Queues, OnlyThoseAskedForAreThere) {
  EXPECT_THROW(device_->queue(2), UserError);
  EXPECT_THROW(Device::open("cpu", Engine::Fast, {.num_command_queues = 3}), UserError);
  const QueueScope scope(1);
  EXPECT_EQ(current_queue(), 1);
}

}  // namespace
}  // namespace tessera
