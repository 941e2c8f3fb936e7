#include "os/fiber.h"

#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <cstdint>
#include <utility>

#include <cxxabi.h>

#include "base/error.h"

// The sanitizers have to be told which stack is in use.
#ifdef __has_feature  // clang; GCC defines the macros itself
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#if __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

namespace stream::os {
namespace {

// Touched pages are all that it costs. Probing an unknown container opens decoders.
constexpr size_t kStack = 4u << 20;

// What the C++ runtime keeps per thread belongs to the stack: an exception may be in flight on each
// (Itanium C++ ABI 2.2.2).
struct ExceptionState {
  void* caught = nullptr;
  unsigned uncaught = 0;
};
ExceptionState& exception_state() {
  return *reinterpret_cast<ExceptionState*>(abi::__cxa_get_globals());
}

}  // namespace

struct Fiber::State {
  std::function<void()> function;
  uint8_t* memory = nullptr;
  size_t size = 0, guard = 0;
  ucontext_t inside{}, outside{};
  ExceptionState exceptions;  // of the side that waits
  bool begun = false, done = false, running = false;
  [[maybe_unused]] const void* outer_stack = nullptr;
  [[maybe_unused]] size_t outer_size = 0;
  [[maybe_unused]] void* fake_stack = nullptr;
  [[maybe_unused]] void* tsan_inside = nullptr;
  [[maybe_unused]] void* tsan_outside = nullptr;

  explicit State(std::function<void()> f) : function(std::move(f)) {
    guard = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    size = guard + kStack;
    void* mapped = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (mapped == MAP_FAILED) throw_errno("map", "a stack", errno);
    memory = static_cast<uint8_t*>(mapped);
    mprotect(memory, guard, PROT_NONE);
#ifdef __SANITIZE_THREAD__
    tsan_inside = __tsan_create_fiber(0);
#endif
  }
  ~State() {
#ifdef __SANITIZE_THREAD__
    __tsan_destroy_fiber(tsan_inside);
#endif
#ifdef __SANITIZE_ADDRESS__
    __asan_unpoison_memory_region(memory + guard, size - guard);
#endif
    munmap(memory, size);
  }

  void enter();
  void leave();
  void run();
  static void main(unsigned high, unsigned low) {
    const uint64_t address = static_cast<uint64_t>(high) << 32 | low;
    reinterpret_cast<State*>(static_cast<uintptr_t>(address))->run();
  }
};

void Fiber::State::enter() {
  running = true;
#ifdef __SANITIZE_ADDRESS__
  void* fake = nullptr;
  __sanitizer_start_switch_fiber(&fake, memory + guard, size - guard);
#endif
#ifdef __SANITIZE_THREAD__
  tsan_outside = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(tsan_inside, 0);
#endif
  std::swap(exceptions, exception_state());
  swapcontext(&outside, &inside);
  std::swap(exceptions, exception_state());
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
#endif
  running = false;
}

void Fiber::State::leave() {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_start_switch_fiber(done ? nullptr : &fake_stack, outer_stack, outer_size);
#endif
#ifdef __SANITIZE_THREAD__
  __tsan_switch_to_fiber(tsan_outside, 0);
#endif
  swapcontext(&inside, &outside);
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(fake_stack, &outer_stack, &outer_size);
#endif
}

void Fiber::State::run() {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(nullptr, &outer_stack, &outer_size);
#endif
  function();
  function = nullptr;
  done = true;
  leave();
}

Fiber::Fiber(std::function<void()> function)
    : state_(std::make_unique<State>(std::move(function))) {}

Fiber::~Fiber() {
  assert(!state_->begun || state_->done);
}

void Fiber::resume() {
  State& s = *state_;
  assert(!s.running && !s.done);
  if (!s.begun) {
    s.begun = true;
    getcontext(&s.inside);
    s.inside.uc_stack.ss_sp = s.memory + s.guard;
    s.inside.uc_stack.ss_size = s.size - s.guard;
    s.inside.uc_link = nullptr;
    const uint64_t address = reinterpret_cast<uintptr_t>(&s);  // makecontext(3) passes ints
    makecontext(&s.inside, reinterpret_cast<void (*)()>(&State::main), 2,
                static_cast<unsigned>(address >> 32), static_cast<unsigned>(address));
  }
  s.enter();
}

void Fiber::stop() {
  assert(state_->running);
  state_->leave();
}

bool Fiber::ended() const noexcept {
  return state_->done;
}

}  // namespace stream::os
